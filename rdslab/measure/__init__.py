"""How long a net takes: measured on this machine, or predicted for a device with its error."""

from rdslab.measure.agent.clock import PLAN, Plan, Runs, Timer, WallTimer, interleave
from rdslab.measure.host import host
from rdslab.measure.local import measure
from rdslab.measure.lock import machine_lock
from rdslab.measure.malloc import tune_malloc
from rdslab.measure.predict import predict_times
from rdslab.measure.profile import Profile, load_profile, profile_names

__all__ = [
    "PLAN",
    "Plan",
    "Profile",
    "Runs",
    "Timer",
    "WallTimer",
    "host",
    "interleave",
    "load_profile",
    "machine_lock",
    "measure",
    "predict_times",
    "profile_names",
    "tune_malloc",
]
