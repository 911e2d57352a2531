"""A search's slot from its proposal to its end: cheap before dear, and every stage can be the last.

Draw, shapes, cost and predicted latency against the limits; then the ledger, which may know the net or one that
computes the same; then the training, which may end early. What was not trained is told to the sampler as well: with its
constraints, its known objectives and an imputed mIoU, which no table, front or statistic sees.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import TrialState

from rdslab.errors import RdslabError
from rdslab.network import ids
from rdslab.records import Score
from rdslab.search.aims import MIOU
from rdslab.search.budget import enter_finals, is_search_slot, open_slot, seconds_of
from rdslab.search.cells import TimesFacts
from rdslab.search.courses import COURSE, Courses, course_context, curve_of
from rdslab.search.genotypes import IMPOSSIBLE, Figures
from rdslab.search.hours import PAPER, PROPOSING, TRAINING, Stages
from rdslab.search.ledger import Ledger, Row
from rdslab.search.plan import NO_SEED
from rdslab.search.prepare import Prepared, enter_net
from rdslab.search.pruning import Course, Stop, to_stop
from rdslab.search.samplers import replayed, sampler_of
from rdslab.search.training import Fact, Trainer
from rdslab.search.trials import TOLD, Notice, end_failed, in_words, open_search, tell
from rdslab.space import Genotype
from rdslab.spec import Net


class Hopeless(Exception):
    """A training that its rule ends now. No RuntimeError: those speak of memory here."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.why)
        self.stop = stop


@dataclass
class Candidate:
    """What a slot is about, as far as its stages have come."""

    row: Row
    trial: optuna.Trial
    genotype: Genotype
    stages: Stages
    figures: Figures | None = None
    canonical_id: str = ""
    curve: dict[int, float] = field(default_factory=dict)


class Searcher:
    """What a worker needs to work on the slots of a study's search."""

    def __init__(self, prepared: Prepared, ledger: Ledger, trainer: Trainer, notice: Notice) -> None:
        assert prepared.genotypes is not None
        assert prepared.study.document.search is not None
        self.prepared, self.ledger, self.trainer, self.notice = prepared, ledger, trainer, notice
        self.genotypes, self.search = prepared.genotypes, prepared.study.document.search
        self.optuna = open_search(prepared, ledger.url)
        self.sampler_at = sampler_of(self.search.sampler, self.genotypes, self.search.seed)
        self.courses = Courses(ledger, self.genotypes.objectives)
        self.times = TimesFacts(ledger)

    def open(self, me: str) -> Row | None:
        """A new slot, None where the budget is spent."""
        self.courses.refresh()
        seeds = self.prepared.study.document.seeds
        took = seconds_of(self.ledger, TRAINING)
        reserve_s = (len(seeds) - 1) * sum(took.get(row["number"], 0.0) for row, _ in self.courses.front())
        return open_slot(self.ledger, self.search, seeds[0], reserve_s, me)

    def others_search(self) -> bool:
        """Whether a slot of the search is still at work: the front may move."""
        return any(is_search_slot(row) and row["state"] == "running" for row in self.ledger.rows())

    def enter_finals(self) -> int:
        """Have the nets on the front trained with all seeds; how many trainings are new."""
        self.courses.refresh()
        new = enter_finals(self.ledger, self.courses.front(), self.prepared.study.document.seeds)
        if new:
            self.notice(f"the search is over: {new} more trainings of the nets on its front, with the other seeds")
        return new

    def work_on(self, row: Row) -> str | None:
        """Every stage of a slot; why it failed, if it did."""
        stages = Stages()
        with stages.during(PROPOSING):
            trial = self._propose(row)
            self.ledger.note(row["number"], trial=trial.number)
        candidate = Candidate(row, trial, self.genotypes.genotype(trial.params), stages)
        try:
            with stages.during(PAPER):
                net = self._on_paper(candidate)
            if net is not None:
                self._trained(candidate, net)
        except Exception as error:  # whatever it is, it ends this trial and no other
            return end_failed(self.optuna, self.ledger, self.notice, candidate.row, trial, stages, error)
        return None

    def _propose(self, row: Row) -> optuna.Trial:
        """The slot's trial: what it was to try before its worker died, or a new proposal."""
        self.optuna.sampler = self.sampler_at(row["number"])
        if row["trial"] is not None:
            old = next(t for t in self.optuna.get_trials(deepcopy=False) if t.number == row["trial"])
            if old.state is TrialState.RUNNING:
                tell(self.optuna, old.number, None)
            if old.params.keys() == self.genotypes.distributions.keys():
                self.optuna.sampler = replayed(old.params)
        trial = self.optuna.ask(dict(self.genotypes.distributions))
        trial.set_user_attr("slot", row["number"])
        return trial

    def _on_paper(self, candidate: Candidate) -> Net | None:
        """The net, None where the slot has ended: it cannot be, it breaks a limit, or it is known."""
        self.courses.refresh()
        space = self.genotypes.space
        try:
            net = space.draw(space.canonical(candidate.genotype))
            candidate.figures = self.genotypes.figures(net)
            net_id, candidate.canonical_id = ids(net)
        except RdslabError as error:
            self._end(candidate, "refused", f"cannot be built: {error}", None)
            return None
        excess = self.genotypes.excess(candidate.figures)
        broken = [f"{words}, and it has {self._shown(words, candidate)}" for words, by in excess.items() if by > 0]
        if broken:
            self._end(candidate, "refused", f"over the limit: {'; '.join(broken)}", None)
            return None
        candidate.row = {**candidate.row, "net_id": net_id}
        self.ledger.note(candidate.row["number"], net_id=net_id)
        enter_net(self.prepared, self.ledger, self.times, net, candidate.figures.cost)
        if twin := self.courses.twin(net_id, candidate.canonical_id):
            same = "the same net" if self.courses.rows[twin[0]]["net_id"] == net_id else "a net that computes the same"
            candidate.curve = {0: twin[1]}
            self._end(candidate, "repeated", f"{same} was trained in slot {twin[0]}", twin[1])
            return None
        return net

    def _shown(self, words: str, candidate: Candidate) -> str:
        assert candidate.figures is not None
        value = candidate.figures.values.get(words.partition(" ")[0], float("nan"))
        return f"{value:.4g}" if value == value else "none"

    def _trained(self, candidate: Candidate, net: Net) -> None:
        """Train the net, to the end or until it is hopeless, and write down what came of it."""
        epochs, rule = self.prepared.recipe.epochs, self.search.pruning

        def after_epoch(event: Mapping[str, Any]) -> None:
            candidate.curve |= curve_of([*event.get("resumed", ()), event])
            self.courses.refresh()
            own = Course(self._costs(candidate), candidate.curve)
            if candidate.curve and (stop := to_stop(own, epochs, self.courses.trained(), rule)) is not None:
                raise Hopeless(stop)

        try:
            score, facts = self.trainer.train(candidate.row, net, candidate.stages, after_epoch)
        except Hopeless as hopeless:
            self._end(candidate, "pruned", hopeless.stop.why, hopeless.stop.expected)
            return
        candidate.curve = curve_of(score.history)
        self._end(candidate, "done", None, score.miou, facts, score)

    def _end(
        self,
        candidate: Candidate,
        state: str,
        why: str | None,
        miou: float | None,
        facts: list[Fact] = [],  # noqa: B006
        score: Score | None = None,
    ) -> None:
        """Tell the sampler, write everything down in one transaction, say it."""
        row, trial = candidate.row, candidate.trial
        values = self._values(candidate, self.courses.middle() if miou is None else miou)
        words = self.genotypes.words(candidate.genotype)
        trial.set_user_attr("net", {"genes": words, "net_id": row["net_id"], "state": state, "why": why})
        if state in ("refused", "pruned"):
            trial.set_user_attr("imputed", [MIOU])
        self._constrain(candidate)
        trial.set_user_attr(TOLD, values)
        document = {
            "genes": words,
            "figures": dict(candidate.figures.values) if candidate.figures else {},
            "costs": self._costs(candidate),
            "curve": candidate.curve,
            "canonical_id": candidate.canonical_id,
        }
        course: Fact = (COURSE, row["net_id"], course_context(row["number"]), NO_SEED, document)
        self.ledger.close(row["number"], state, [*facts, course], why, candidate.stages.all())
        tell(self.optuna, trial.number, values)
        said = f": mIoU {100 * score.miou:.2f} %" if score else ""
        self.notice(in_words({**row, "state": state, "error": why}) + said)

    def _constrain(self, candidate: Candidate) -> None:
        """By how much each limit is broken, and at last whether the net can be, so that samplers learn.

        Written where samplers and optuna-dashboard both look: of constraints by name the dashboard knows nothing.
        """
        limits = [limit.words for limit in self.genotypes.space.limits]
        broken = [IMPOSSIBLE] * (len(limits) + 1)
        if candidate.figures is not None:
            excess = self.genotypes.excess(candidate.figures)
            others = [by for words, by in excess.items() if words not in limits]
            broken = [*(excess[words] for words in limits), max(others, default=0.0)]
        trial = candidate.trial
        trial.storage.set_trial_system_attr(trial._trial_id, "constraints", broken)

    def _values(self, candidate: Candidate, miou: float) -> list[float]:
        """The objectives; of a net that cannot be built those of the middle."""
        values = candidate.figures.values if candidate.figures else {}
        found = []
        for one in self.genotypes.objectives:
            value = miou if one.figure == MIOU else values.get(one.figure, float("nan"))
            found.append(float(value) if value == value else self._middle(one.figure))
        return found

    def _middle(self, figure: str) -> float:
        index = [one.figure for one in self.genotypes.objectives].index(figure)
        known = sorted(t.values[index] for t in self.optuna.get_trials(deepcopy=False) if t.values)
        return float(known[len(known) // 2]) if known else 0.0

    def _costs(self, candidate: Candidate) -> tuple[float, ...]:
        """What is known of the objectives, minimised."""
        values = candidate.figures.values if candidate.figures else {}
        return tuple(
            -values[one.figure] if one.maximise else values[one.figure]
            for one in self.genotypes.objectives
            if one.figure != MIOU and one.figure in values
        )
