"""Search spaces: a base net, places that may vary, limits; and what can be said of a space before it is searched."""

from rdslab.space.audit import Audit, audit_space
from rdslab.space.deploy import Deploy
from rdslab.space.documents import SpaceDocument
from rdslab.space.genes import Gene
from rdslab.space.space import Distribution, Genotype, Space, check_space, load_space, space_from

__all__ = [
    "Audit",
    "Deploy",
    "Distribution",
    "Gene",
    "Genotype",
    "Space",
    "SpaceDocument",
    "audit_space",
    "check_space",
    "load_space",
    "space_from",
]
