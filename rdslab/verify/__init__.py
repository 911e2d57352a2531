"""Reports verified: all that can be computed again from what a report carries, and where it then says otherwise."""

from rdslab.verify.checks import Check, Finding, Verified
from rdslab.verify.report import verify_report

__all__ = ["Check", "Finding", "Verified", "verify_report"]
