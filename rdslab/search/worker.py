"""One worker of a study: takes a slot, trains it, writes its facts, tells Optuna, takes the next."""

import re
import time
from collections.abc import Callable

import optuna
from optuna.distributions import IntDistribution

from rdslab.cost import count
from rdslab.errors import RunError
from rdslab.netfile import net_from_document
from rdslab.search.aims import is_found
from rdslab.search.budget import is_search_slot
from rdslab.search.database import is_lost, wait_until_back
from rdslab.search.hours import Stages
from rdslab.search.ledger import OPEN, Ledger, Row
from rdslab.search.owner import owner
from rdslab.search.prepare import Prepared
from rdslab.search.searcher import Searcher
from rdslab.search.training import Trainer
from rdslab.search.trials import TOLD, Notice, end_failed, in_words, open_optuna, tell
from rdslab.spec import Net

SAME_FAILURES = 3  # in a row: then the cause is none of one trial's
POLL_S = 0.5


class Worker:
    """Works off the slots of a study until none is free, and a search's until its budget is spent."""

    def __init__(self, prepared: Prepared, ledger: Ledger, notice: Notice) -> None:
        self.prepared, self.ledger, self.notice = prepared, ledger, notice
        self.me = owner()
        self.optuna = open_optuna(prepared, ledger.url)
        self.trainer = Trainer(prepared, ledger)
        self.searcher = Searcher(prepared, ledger, self.trainer, notice) if prepared.genotypes else None
        self._lost = False  # whether the database went away in the middle of a slot
        self._failures: list[str] = []  # since the last trial that was done

    def work(self) -> None:
        """Take slots until none is free. Wrong data stop a study, not one slot of it after another."""
        wanted = self._wanted()
        open_slots = self.ledger.rows(OPEN)
        if self.searcher is None and not any(map(wanted, open_slots)):
            return
        data = self.trainer.data
        self.notice(f"{len(data.train)} images to train on, {len(data.val)} to score on: {data.split}")
        while True:
            try:
                if (row := self._next(wanted)) is None:
                    return
                reason = self._work_on(row)
            except Exception as error:
                if not is_lost(error, self.ledger.url):
                    raise
                self.notice("the database is away; waits for it, and nothing is lost")
                wait_until_back(self.ledger.engine)
                self._lost = True  # the slot at work is still ours, and the first to be taken
                continue
            self._failures = [*self._failures, reason] if reason else []
            self._stop_where_all_fail()

    def _work_on(self, row: Row) -> str | None:
        """Why a slot's trial failed, None where it did not."""
        if self.searcher is not None and is_search_slot(row):
            return self.searcher.work_on(row)
        return self._slot(row)

    def _wanted(self) -> Callable[[Row], bool]:
        """Which slots are the study's as it is now written: it may have had other variants."""
        own = {(slot.variant, slot.seed) for slot in self.prepared.study.slots}
        searches = self.searcher is not None
        return lambda row: (row["variant"], row["seed"]) in own or (searches and is_found(row["variant"]))

    def _next(self, wanted: Callable[[Row], bool]) -> Row | None:
        """A slot that stands open, else a new one of the search, else one that another worker leaves or enters."""
        while True:
            row = self.ledger.take(wanted, self.me, mine=self._lost)
            self._lost = False
            if row is None and self.searcher is not None:
                row = self.searcher.open(self.me)
            if row is not None or self.searcher is None:
                return row
            if not self.searcher.others_search():
                if not self.searcher.enter_finals():
                    return None
            else:
                time.sleep(POLL_S)

    def _stop_where_all_fail(self) -> None:
        """Raises RunError where the last trials failed alike: the others would too, and cost hours."""
        last = [re.sub(r"[\d.]+(e-?\d+)?", "#", reason) for reason in self._failures[-SAME_FAILURES:]]
        if len(last) == SAME_FAILURES and len(set(last)) == 1:
            what = f"{SAME_FAILURES} trials in a row failed alike, so no other was begun: {self._failures[-1]}"
            again = f"mend the cause, then: rdslab run {self.prepared.study.source.name} --retry-failed"
            raise RunError(what, again, where=f"study {self.prepared.study.name!r}")

    def _slot(self, row: Row) -> str | None:
        """Train a slot of the study's own variants, or a final of its search; why it failed, if it did."""
        if row["trial"] is not None:
            tell(self.optuna, row["trial"], None)  # the trial of a dead worker; this slot asks for a new one
        trial, stages = self._ask(row), Stages()
        self.ledger.note(row["number"], trial=trial.number)
        try:
            net = self._net(row)
            macs = count(net, self.prepared.study.size, self.prepared.study.document.deploy.classes).macs
            score, facts = self.trainer.train(row, net, stages)
        except Exception as error:  # whatever it is, a user's block included: it ends this trial and no other
            return end_failed(self.optuna, self.ledger, self.notice, row, trial, stages, error)
        values = [score.miou, float(macs)]
        trial.set_user_attr(TOLD, values)
        self.ledger.close(row["number"], "done", facts, seconds=stages.all())
        tell(self.optuna, trial.number, values)
        self.notice(f"{in_words({**row, 'state': 'done'})}: mIoU {100 * score.miou:.2f} %")
        return None

    def _net(self, row: Row) -> Net:
        """The net of a variant as it is written, of what a search found as it is stored."""
        known = self.prepared.nets.get(row["variant"])
        if known is not None:
            return known
        return net_from_document(self.ledger.stored_net(row["net_id"]), where=f"net of {row['variant']}")

    def _ask(self, row: Row) -> optuna.Trial:
        """A trial whose parameters are the slot's: ranges of one value leave a sampler nothing to choose."""
        names = [variant.name for variant in self.prepared.study.variants]
        index = names.index(row["variant"]) if row["variant"] in names else len(names) + int(row["variant"][1:])
        trial = self.optuna.ask(
            {"variant": IntDistribution(index, index), "seed": IntDistribution(row["seed"], row["seed"])}
        )
        for key, value in (("slot", row["number"]), ("variant", row["variant"]), ("net_id", row["net_id"])):
            trial.set_user_attr(key, value)
        return trial
