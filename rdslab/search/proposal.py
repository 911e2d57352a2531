"""What a slot of a search is about, and how its training may end early."""

from dataclasses import dataclass, field

import optuna

from rdslab.search.genotypes import Figures
from rdslab.search.hours import Stages
from rdslab.search.ledger import Row
from rdslab.search.pruning import Stop
from rdslab.space import Genotype


class Hopeless(Exception):
    """A training that its rule ends now. No RuntimeError: those speak of memory here."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.why)
        self.stop = stop


@dataclass
class Proposal:
    """What a slot is about, as far as its stages have come."""

    row: Row
    trial: optuna.Trial
    genotype: Genotype
    stages: Stages
    figures: Figures | None = None
    canonical_id: str = ""
    curve: dict[int, float] = field(default_factory=dict)
