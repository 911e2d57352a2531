"""One training of a study's net by a worker: in the slot's folder, under the machine's lock, with signs of life."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from functools import cached_property
from typing import Any

from rdslab.data import DataSet, open_data
from rdslab.errors import RunError
from rdslab.measure import host, machine_lock
from rdslab.records import Context, Score
from rdslab.search.database import DatabaseLost
from rdslab.search.hours import TRAINING, WAITING, Stages
from rdslab.search.ledger import IMAGES, Ledger, Row
from rdslab.search.prepare import Prepared, score_context
from rdslab.spec import Net
from rdslab.train import read_counts, train

BEAT_S = 1.0
PARENT = "RDSLAB_PARENT"  # a worker ends when the process that started it is gone
Fact = tuple[str, str, Context, int, Mapping[str, Any]]
AfterEpoch = Callable[[Mapping[str, Any]], object]


class Trainer:
    """Trains nets on the study's data, which are read once."""

    def __init__(self, prepared: Prepared, ledger: Ledger) -> None:
        self.prepared, self.ledger = prepared, ledger
        self._parent = os.environ.get(PARENT)

    @cached_property
    def data(self) -> DataSet:
        """The study's data. Raises DataError, and SpecError where earlier trials had other data."""
        study = self.prepared.study
        data = open_data(study.document.data, where=study.source.where(("data",)))
        self.context = score_context(self.prepared, data.identity, data.split)
        self.ledger.check_context("score", self.context)
        return data

    def train(self, row: Row, net: Net, stages: Stages, after_epoch: AfterEpoch = dict) -> tuple[Score, list[Fact]]:
        """The score of a slot's net and the facts about it. `after_epoch` may end it early by an exception."""
        data, folder = self.data, self.prepared.study.slot_folder(row["number"])
        signs = Signs(self, row["number"], stages, after_epoch)
        with ExitStack() as held:
            with stages.during(WAITING):  # never while another process measures here: its times would be ours as well
                held.enter_context(machine_lock("train", waiting=signs.waits))
            with stages.during(TRAINING):
                score = train(
                    net,
                    data,
                    self.prepared.recipe,
                    seed=row["seed"],
                    folder=folder,
                    threads=self.prepared.study.document.threads,
                    progress=signs,
                )
        if not score.miou == score.miou:
            raise RunError("the mIoU is not a number: no class of the data set occurs in the validation split")
        seconds = [float(epoch["seconds"]) for epoch in score.history if "seconds" in epoch]
        if not signs.came:  # it was finished before, and only its end is written down now
            stages.earlier_s = sum(seconds)
        plain = score.document()
        plain["history"] = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in score.history]
        effort = {
            "seconds": seconds,
            "hours": (sum(seconds) or stages.seconds[TRAINING]) / 3600,
            "host": asdict(host()),
        }
        found = {"score": plain, "effort": effort, IMAGES: read_counts(folder)}
        return score, [
            (kind, row["net_id"], self.context, row["seed"], document)
            for kind, document in found.items()
            if document is not None
        ]

    def beat(self, number: int, event: Mapping[str, Any]) -> None:
        """A sign of life; the worker ends with the process that started it."""
        if self._parent and os.getppid() != int(self._parent):
            sys.exit("the process that started this worker is gone")
        with suppress(DatabaseLost):  # a server may come back before the training ends
            self._note(number, event)

    def _note(self, number: int, event: Mapping[str, Any]) -> None:
        progress = f"epoch {int(event['epoch'])} of {int(event['epochs'])}"
        self.ledger.note(number, beat=time.time(), progress=progress)


class Signs:
    """What a training reports: signs of life once a second, and each epoch."""

    def __init__(self, trainer: Trainer, number: int, stages: Stages, after_epoch: AfterEpoch) -> None:
        self.trainer, self.number, self.stages, self.after_epoch = trainer, number, stages, after_epoch
        self._last = 0.0
        self.came = False

    def waits(self) -> None:
        """Say that another process measures."""
        self.trainer.ledger.note(self.number, progress="waits for a measurement")

    def __call__(self, event: Mapping[str, Any]) -> None:
        self.came, now = True, time.monotonic()
        if now - self._last >= BEAT_S:
            self._last = now
            self.trainer.beat(self.number, event)
        if "resumed" in event:
            self.stages.earlier_s = sum(float(row["seconds"]) for row in event["resumed"])
        if "step" not in event:
            self.after_epoch(event)
