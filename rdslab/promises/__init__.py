"""What every registered block keeps, as functions for tests and for `rdslab check` of a user's own block."""

from rdslab.promises.computing import images_apart, learns, shapes, steady
from rdslab.promises.identities import identities
from rdslab.promises.options import lost_option, option_names, options_act
from rdslab.promises.trial import Trial, trials

__all__ = [
    "PROMISES",
    "Trial",
    "check_block",
    "identities",
    "images_apart",
    "learns",
    "lost_option",
    "option_names",
    "options_act",
    "shapes",
    "steady",
    "trials",
]

PROMISES = (shapes, learns, images_apart, steady, options_act, identities)


def check_block(name: str) -> list[str]:
    """The broken promises of the block registered as `name`, in words; empty when it keeps them all.

    Raises UnknownName where nothing is registered so; whatever the block itself raises becomes a sentence.
    """
    found: list[str] = []
    for promise in PROMISES:
        found += promise(name)
    return list(dict.fromkeys(found))
