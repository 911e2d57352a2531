"""One worker of a study: takes a slot, trains it, writes its facts, tells Optuna, takes the next."""

import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import optuna
from optuna.distributions import IntDistribution
from optuna.trial import TrialState

from rdslab.data import DataSet, open_data
from rdslab.errors import RdslabError, RunError
from rdslab.measure import host, machine_lock
from rdslab.records import Context, Score
from rdslab.search.ledger import IMAGES, Ledger, Row
from rdslab.search.owner import is_dead, owner
from rdslab.search.prepare import Prepared, score_context
from rdslab.train import read_counts, train

Notice = Callable[[str], object]
BEAT_S = 1.0
SAME_FAILURES = 3  # in a row: then the cause is none of one trial's
PARENT = "RDSLAB_PARENT"  # a worker ends when the process that started it is gone


def open_optuna(prepared: Prepared, url: str) -> optuna.Study:
    """The study among Optuna's, made where it is not there yet; its objectives are mIoU and MACs."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    connect = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    storage = optuna.storages.RDBStorage(url, engine_kwargs=connect)
    study = optuna.create_study(
        storage=storage,
        study_name=prepared.study.name,
        directions=["maximize", "minimize"],
        load_if_exists=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # names in the dashboard, no more
        study.set_metric_names(["miou", "macs"])
    return study


def close_stale_trials(study: optuna.Study, ledger: Ledger) -> None:
    """Tell Optuna how trials ended whose worker died before it could: with the slot's facts, or as failed."""
    # Trials before slots before facts: a worker takes a slot, then asks for its trial, and writes facts last of all.
    # The other way round, a trial begun between the two looks like one that nobody owns.
    trials = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    if not trials:
        return
    rows, now = ledger.rows(), time.time()
    miou = {(f["net_id"], f["seed"]): f["document"]["miou"] for f in ledger.facts_of("score")}
    macs = {f["net_id"]: float(f["document"]["macs"]) for f in ledger.facts_of("cost")}
    by_trial = {row["trial"]: row for row in rows if row["trial"] is not None}
    alive = any(row["state"] == "running" and not is_dead(row["owner"], row["beat"], now) for row in rows)
    for trial in trials:
        row = by_trial.get(trial.number)
        if row is not None and row["state"] == "done":
            tell(study, trial.number, [miou[row["net_id"], row["seed"]], macs[row["net_id"]]])
        elif (row is not None and row["state"] == "failed") or (row is None and not alive):
            tell(study, trial.number, None)


def tell(study: optuna.Study, number: int, values: Sequence[float] | None) -> None:
    """End a trial with its values, or as failed; one that has ended stays as it is."""
    if values is None:
        study.tell(number, state=TrialState.FAIL, skip_if_finished=True)
    else:
        study.tell(number, values, skip_if_finished=True)


def in_words(row: Row) -> str:
    """`slot 3 (residual, seed 1) failed: ...`."""
    why = f": {row['error']}" if row["state"] == "failed" else ""
    return f"slot {row['number']} ({row['variant']}, seed {row['seed']}) {row['state']}{why}"


class Worker:
    """Works off the slots of a study until none is free."""

    def __init__(self, prepared: Prepared, ledger: Ledger, notice: Notice) -> None:
        self.prepared, self.ledger, self.notice = prepared, ledger, notice
        self.me = owner()
        self.optuna = open_optuna(prepared, ledger.url)
        self._data: DataSet | None = None
        self._parent = os.environ.get(PARENT)
        self._failures: list[str] = []  # since the last trial that was done

    @property
    def data(self) -> DataSet:
        """The study's data, read once. Raises DataError, and SpecError where earlier trials had other data."""
        if self._data is None:
            study = self.prepared.study
            self._data = open_data(study.document.data, where=study.source.where(("data",)))
            self.context = score_context(self.prepared, self._data.identity, self._data.split)
            self.ledger.check_context("score", self.context)
        return self._data

    def work(self) -> None:
        """Take slots until none is free. Wrong data stop a study, not one slot of it after another."""
        wanted = {(slot.variant, slot.seed) for slot in self.prepared.study.slots}
        open_slots = [row for row in self.ledger.rows() if row["state"] in ("waiting", "running")]
        if not any((row["variant"], row["seed"]) in wanted for row in open_slots):
            return
        self.notice(f"{len(self.data.train)} images to train on, {len(self.data.val)} to score on: {self.data.split}")
        while (row := self.ledger.take(wanted, self.me)) is not None:
            if row["trial"] is not None:
                tell(self.optuna, row["trial"], None)  # the trial of a dead worker; this slot asks for a new one
            self._slot(row)
            self._stop_where_all_fail()

    def _stop_where_all_fail(self) -> None:
        """Raises RunError where the last trials failed alike: the others would too, and cost hours."""
        last = [re.sub(r"[\d.]+(e-?\d+)?", "#", reason) for reason in self._failures[-SAME_FAILURES:]]
        if len(last) == SAME_FAILURES and len(set(last)) == 1:
            what = f"{SAME_FAILURES} trials in a row failed alike, so no other was begun: {self._failures[-1]}"
            again = f"mend the cause, then: rdslab run {self.prepared.study.source.name} --retry-failed"
            raise RunError(what, again, where=f"study {self.prepared.study.name!r}")

    def _slot(self, row: Row) -> None:
        trial = self._ask(row)
        self.ledger.note(row["number"], trial=trial.number)
        try:
            score, facts = self._facts(row)
        except Exception as error:  # whatever it is, a user's block included: it ends this trial and no other
            reason = str(error) if isinstance(error, RdslabError) else f"{type(error).__name__}: {error}"
            self.ledger.close(row["number"], "failed", error=reason)
            trial.set_user_attr("error", reason)
            tell(self.optuna, trial.number, None)
            self.notice(in_words({**row, "state": "failed", "error": reason}))
            self._failures.append(reason)
            return
        self._failures.clear()
        self.ledger.close(row["number"], "done", facts)
        tell(self.optuna, trial.number, [score.miou, float(self.prepared.costs[row["variant"]].macs)])
        self.notice(f"{in_words({**row, 'state': 'done'})}: mIoU {100 * score.miou:.2f} %")

    def _ask(self, row: Row) -> optuna.Trial:
        """A trial whose parameters are the slot's: ranges of one value leave a sampler nothing to choose."""
        names = [variant.name for variant in self.prepared.study.variants]
        index = names.index(row["variant"])
        trial = self.optuna.ask(
            {"variant": IntDistribution(index, index), "seed": IntDistribution(row["seed"], row["seed"])}
        )
        for key, value in (("slot", row["number"]), ("variant", row["variant"]), ("net_id", row["net_id"])):
            trial.set_user_attr(key, value)
        return trial

    def _facts(self, row: Row) -> tuple[Score, list[tuple[str, str, Context, int, Mapping[str, Any]]]]:
        started, beats = time.monotonic(), [0.0]
        folder = self.prepared.study.slot_folder(row["number"])
        # Never while another process measures on this machine: its times would be ours as well.
        with machine_lock("train", waiting=lambda: self.ledger.note(row["number"], progress="waits for a measurement")):
            score = train(
                self.prepared.nets[row["variant"]],
                self.data,
                self.prepared.recipe,
                seed=row["seed"],
                folder=folder,
                threads=self.prepared.study.document.threads,
                progress=lambda event: self._beat(row["number"], event, beats),
            )
        if not score.miou == score.miou:
            raise RunError("the mIoU is not a number: no class of the data set occurs in the validation split")
        seconds = [float(epoch["seconds"]) for epoch in score.history if "seconds" in epoch]
        plain = score.document()
        plain["history"] = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in score.history]
        effort = {
            "seconds": seconds,
            "hours": (sum(seconds) or time.monotonic() - started) / 3600,
            "host": asdict(host()),
        }
        found = {"score": plain, "effort": effort, IMAGES: read_counts(folder)}
        return score, [
            (kind, row["net_id"], self.context, row["seed"], document)
            for kind, document in found.items()
            if document is not None
        ]

    def _beat(self, number: int, event: Mapping[str, Any], beats: list[float]) -> None:
        if self._parent and os.getppid() != int(self._parent):
            sys.exit("the process that started this worker is gone")
        now = time.monotonic()
        if now - beats[0] >= BEAT_S:
            beats[0] = now
            progress = f"epoch {int(event['epoch'])} of {int(event['epochs'])}"
            self.ledger.note(number, beat=time.time(), progress=progress)
