"""What a net costs: counted by us, audited by fvcore and by torch, held against the paper's formulas."""

from rdslab.cost.audit import Audit, audit
from rdslab.cost.counter import count

__all__ = ["Audit", "audit", "count"]
