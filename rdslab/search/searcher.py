"""A search's slot from its proposal to its end: cheap before dear, and every stage can be the last.

Draw, shapes, cost and predicted latency against the limits; then the ledger, which may know the net or one that
computes the same; then the training, which may end early. What was not trained is told to the sampler as well: with its
constraints, its known objectives and an imputed mIoU, which no table, front or statistic sees.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import optuna
from optuna.trial import TrialState

from rdslab.errors import RdslabError
from rdslab.network import ids
from rdslab.records import Score
from rdslab.sampling import CONSTRAINTS
from rdslab.search.aims import MIOU
from rdslab.search.budget import claim_net, enter_finals, is_search_slot, open_slot, seconds_of
from rdslab.search.cells import TimesFacts
from rdslab.search.courses import COURSE, Courses, course_context, curve_of
from rdslab.search.database import DatabaseLost
from rdslab.search.hours import MEASURING, PAPER, PROPOSING, TRAINING, Stages
from rdslab.search.ledger import Ledger, Row
from rdslab.search.meter import Meter
from rdslab.search.plan import NO_SEED
from rdslab.search.prepare import Prepared, enter_net
from rdslab.search.proposal import Hopeless, Proposal
from rdslab.search.pruning import Course, to_stop
from rdslab.search.samplers import replayed, sampler_of
from rdslab.search.training import Fact, Trainer
from rdslab.search.trials import TOLD, Notice, end_failed, in_words, open_search, tell
from rdslab.spec import Net

POLL_S = 1.0


class Searcher:
    """What a worker needs to work on the slots of a study's search."""

    def __init__(self, prepared: Prepared, ledger: Ledger, trainer: Trainer, notice: Notice) -> None:
        assert prepared.genotypes is not None
        assert prepared.study.document.search is not None
        self.prepared, self.ledger, self.trainer, self.notice = prepared, ledger, trainer, notice
        self.genotypes, self.search = prepared.genotypes, prepared.study.document.search
        self.optuna = open_search(prepared, ledger.url)
        self.meter = Meter(prepared, ledger, notice)
        self.sampler_at = sampler_of(self.search.sampler, self.genotypes, self.search.seed, self.meter.expected_before)
        self.courses = Courses(ledger, self.genotypes.objectives)
        self.times = TimesFacts(ledger)

    def open(self, me: str) -> Row | None:
        """A new slot, None where the budget is spent."""
        self.courses.refresh()
        seeds = self.prepared.study.document.seeds
        reserve_s = 0.0
        if self.search.hours is not None:
            took = seconds_of(self.ledger, TRAINING)
            reserve_s = (len(seeds) - 1) * sum(took.get(row["number"], 0.0) for row in self.courses.front())
        return open_slot(self.ledger, self.search, seeds[0], reserve_s, me)

    def others_search(self) -> bool:
        """Whether a slot of the search is still at work: the front may move."""
        return any(map(is_search_slot, self.ledger.rows(("running",))))

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
        proposal = Proposal(row, trial, self.genotypes.genotype(trial.params), stages)
        try:
            with stages.during(PAPER):
                net = self._on_paper(proposal)
            if net is not None and self._measured(proposal):
                self._trained(proposal, net)
        except Exception as error:  # whatever it is, it ends this trial and no other
            return end_failed(self.optuna, self.ledger, self.notice, proposal.row, trial, stages, error)
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

    def _on_paper(self, proposal: Proposal) -> Net | None:
        """The net, None where the slot has ended: it cannot be, it breaks a limit, or it is known."""
        self.courses.refresh()
        space = self.genotypes.space
        try:
            net = space.draw(space.canonical(proposal.genotype))
            proposal.figures = self.genotypes.figures(net)
            net_id, proposal.canonical_id = ids(net)
        except RdslabError as error:
            self._end(proposal, "refused", f"cannot be built: {error}", None)
            return None
        if self._is_over(proposal):
            return None
        proposal.row = {**proposal.row, "net_id": net_id}
        enter_net(self.prepared, self.ledger, self.times, net, proposal.figures.cost)
        self._await_same(proposal.row)
        if twin := self.courses.twin(net_id, proposal.canonical_id):
            self._end_known(proposal, twin)
            return None
        return net

    def _is_over(self, proposal: Proposal) -> bool:
        """Whether the slot has ended, as a limit is broken by what is known so far."""
        assert proposal.figures is not None
        broken = self.genotypes.broken(proposal.figures)
        if broken:
            self._end(proposal, "refused", f"over the limit: {'; '.join(broken)}", None)
        return bool(broken)

    def _measured(self, proposal: Proposal) -> bool:
        """Measure what no paper tells; whether the net may go on."""
        if not self.genotypes.measured:
            return True
        assert proposal.figures is not None
        with proposal.stages.during(MEASURING):
            found = self.meter.measure(proposal.row)
        proposal.figures = proposal.figures.with_values(found)
        return not self._is_over(proposal)

    def _end_known(self, proposal: Proposal, twin: Row) -> None:
        """Answer with what another slot found, or with why its training was ended."""
        same = "the same net" if twin["net_id"] == proposal.row["net_id"] else "a net that computes the same"
        number = twin["number"]
        if twin["state"] == "pruned":
            told = next(t for t in self.optuna.get_trials(deepcopy=False) if t.number == twin["trial"]).user_attrs[TOLD]
            why = f"{same} was given up in slot {number}: {twin['error']}"
            self._end(proposal, "refused", why, told[self.genotypes.miou_at])
            return
        miou = self.courses.miou(number)
        proposal.curve = {0: miou}
        self._end(proposal, "repeated", f"{same} was trained in slot {number}", miou)

    def _await_same(self, row: Row) -> None:
        """Wait while another worker is at the same net: its answer is this slot's."""
        while not claim_net(self.ledger, row["number"], row["net_id"]):
            self.ledger.note(row["number"], beat=time.time(), progress="waits for the same net in another slot")
            time.sleep(POLL_S)
        self.courses.refresh()

    def _trained(self, proposal: Proposal, net: Net) -> None:
        """Train the net, to the end or until it is hopeless, and write down what came of it."""
        epochs, rule = self.prepared.recipe.epochs, self.search.pruning

        def after_epoch(event: Mapping[str, Any]) -> None:
            proposal.curve |= curve_of([*event.get("resumed", ()), event])
            with suppress(DatabaseLost):  # then by what was known before
                self.courses.refresh()
            own = Course(self._costs(proposal), proposal.curve)
            if proposal.curve and (stop := to_stop(own, epochs, self.courses.trained(), rule)) is not None:
                raise Hopeless(stop)

        try:
            score, facts = self.trainer.train(proposal.row, net, proposal.stages, after_epoch)
        except Hopeless as hopeless:
            self._end(proposal, "pruned", hopeless.stop.why, hopeless.stop.expected)
            return
        proposal.curve = curve_of(score.history)
        self._end(proposal, "done", None, score.miou, facts, score)

    def _end(
        self,
        proposal: Proposal,
        state: str,
        why: str | None,
        miou: float | None,
        facts: list[Fact] = [],  # noqa: B006
        score: Score | None = None,
    ) -> None:
        """Tell the sampler, write everything down in one transaction, say it."""
        row, trial = proposal.row, proposal.trial
        values = self._values(proposal, self.courses.middle() if miou is None else miou)
        words = self.genotypes.words(proposal.genotype)
        trial.set_user_attr("net", {"genes": words, "net_id": row["net_id"], "state": state, "why": why})
        if state in ("refused", "pruned"):
            trial.set_user_attr("imputed", [MIOU])
        # Written where samplers and optuna-dashboard both look: of constraints by name the dashboard knows nothing.
        constraints = self.genotypes.constraints(proposal.figures)
        trial.storage.set_trial_system_attr(trial._trial_id, CONSTRAINTS, constraints)
        trial.set_user_attr(TOLD, values)
        document = {
            "genes": words,
            "figures": dict(proposal.figures.values) if proposal.figures else {},
            "costs": self._costs(proposal),
            "curve": proposal.curve,
            "canonical_id": proposal.canonical_id,
        }
        course: Fact = (COURSE, row["net_id"], course_context(row["number"]), NO_SEED, document)
        self.ledger.close(row["number"], state, [*facts, course], why, proposal.stages.all())
        tell(self.optuna, trial.number, values)
        said = f": mIoU {100 * score.miou:.2f} %" if score else ""
        self.notice(in_words({**row, "state": state, "error": why}) + said)

    def _values(self, proposal: Proposal, miou: float) -> list[float]:
        """The objectives; of a net that cannot be built those of the middle."""
        values = proposal.figures.values if proposal.figures else {}
        found = []
        for one in self.genotypes.objectives:
            value = miou if one.figure == MIOU else values.get(one.figure, float("nan"))
            found.append(float(value) if value == value else self._middle(one.figure))
        return found

    def _middle(self, figure: str) -> float:
        index = [one.figure for one in self.genotypes.objectives].index(figure)
        known = sorted(t.values[index] for t in self.optuna.get_trials(deepcopy=False) if t.values)
        return float(known[len(known) // 2]) if known else 0.0

    def _costs(self, proposal: Proposal) -> tuple[float, ...]:
        """What is known of the objectives, minimised."""
        values = proposal.figures.values if proposal.figures else {}
        return tuple(
            -values[one.figure] if one.maximise else values[one.figure]
            for one in self.genotypes.objectives
            if one.figure != MIOU and one.figure in values
        )
