"""The facts of studies, in tables beside Optuna's: what was measured of which net, and which slot is whose.

Optuna knows what was tried, facts say what was found, nets say what it was; they join on the net's id. Nothing here
knows torch.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rdslab.errors import RunError, SpecError
from rdslab.records import Context
from rdslab.search.changes import differences, forced
from rdslab.search.database import DatabaseLost, connect, enter_once, is_lost, replace, shown
from rdslab.search.owner import is_dead
from rdslab.search.plan import NO_SEED, Slot, Study
from rdslab.search.tables import SCHEMA, contexts, facts, hours, nets, slots, studies

Row = dict[str, Any]
OPEN = ("waiting", "running")
IMAGES = "images"  # the kind of the facts that are large: what each validation image gives to a score


def storage_of(study: Study, storage: str | None) -> str:
    """The database of a study: what was asked for, or one SQLite file in its run folder."""
    return storage or f"sqlite:///{study.run_folder / 'study.db'}"


def open_ledger(study: Study, url: str) -> "Ledger":
    """The ledger of a study that was run. Raises SpecError where it was not."""
    where = study.source.name
    ask = f"rdslab run {where}"
    file = sa.make_url(url).database if url.startswith("sqlite:///") else None
    if file and not Path(file).is_file():
        raise SpecError(f"study {study.name!r} has not been run: there is no {file}", ask, where=where)
    ledger = Ledger(url, study.name)
    if not ledger.exists():
        raise SpecError(f"study {study.name!r} has not been run with this database", ask, where=where)
    return ledger


class Ledger:
    """One study's facts and slots in a database. Every change is one transaction."""

    def __init__(self, url: str, study: str) -> None:
        self.url, self.study = url, study
        self.engine = connect(url)

    @contextmanager
    def change(self) -> Iterator[sa.Connection]:
        """A transaction. Raises RunError when the database refuses."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except sa.exc.DatabaseError as error:
            kind = DatabaseLost if is_lost(error, self.url) else RunError
            raise kind(f"the database refused: {error.orig}", where=shown(self.url)) from error

    def alone(self, c: sa.Connection) -> None:
        """Let no other worker's transaction of this kind go on until this one ends: rows of the future have no lock."""
        c.execute(sa.select(studies.c.name).where(studies.c.name == self.study).with_for_update())

    def begin(self, fixed: Mapping[str, Any], *, force: bool = False) -> None:
        """Enter the study, or check that it is the one that was begun. Raises SpecError naming what changed.

        `force`: a search may go on with another space, sampler, seed, or pruning; nothing that it has found is lost.
        """
        text = json.dumps(fixed, sort_keys=True)
        with self.change() as c:
            row = c.execute(sa.select(studies).where(studies.c.name == self.study)).first()
            if row is None:
                c.execute(studies.insert().values(name=self.study, schema=SCHEMA, fixed=text))
                return
            if row.schema != SCHEMA:
                what = f"was written by another version (schema {row.schema}, this one reads {SCHEMA})"
                raise SpecError(what, where=shown(self.url))
            allowed = forced(json.loads(row.fixed), json.loads(text))
            changed = list(differences(json.loads(allowed if force else row.fixed), json.loads(text)))
            if changed:
                kept = "give the changed study another name, or remove its run folder to begin anew"
                hint = ["or go on with what was found so far: --force"] if allowed == text else []
                what = f"study {self.study!r} was begun with other settings: {'; '.join(changed)}"
                raise SpecError(what, kept, *hint, where=shown(self.url))
            c.execute(studies.update().where(studies.c.name == self.study).values(fixed=text))

    def exists(self) -> bool:
        with self.change() as c:
            return c.execute(sa.select(studies).where(studies.c.name == self.study)).first() is not None

    def enter_slots(self, planned: Sequence[Slot], net_ids: Mapping[str, str]) -> None:
        """Enter what is new; a variant that now means another net is refused with SpecError."""
        with self.change() as c:
            self.alone(c)
            known = {(row["variant"], row["seed"]): row for row in self.rows_in(c)}
            number = max((row["number"] for row in known.values()), default=-1) + 1
            for slot in planned:
                row = known.get((slot.variant, slot.seed))
                if row is None:
                    net_id = net_ids[slot.variant]
                    values = {"variant": slot.variant, "seed": slot.seed, "net_id": net_id, "state": "waiting"}
                    c.execute(slots.insert().values(study=self.study, number=number, **values))
                    number += 1
                elif row["net_id"] != net_ids[slot.variant]:
                    raise SpecError(
                        f"variant {slot.variant!r} of study {self.study!r} was another net when it was first run",
                        "give the changed variant another name",
                    )

    def rows_in(self, c: sa.Connection, states: Sequence[str] = ()) -> list[Row]:
        """Every slot, or those in some states, in order, in a transaction."""
        query = sa.select(slots).where(slots.c.study == self.study).order_by(slots.c.number)
        query = query.where(slots.c.state.in_(states)) if states else query
        return [dict(row) for row in c.execute(query).mappings()]

    def rows(self, states: Sequence[str] = ()) -> list[Row]:
        """Every slot, or those in some states, in order."""
        with self.change() as c:
            return self.rows_in(c, states)

    def close_untrained(self) -> None:
        """Mark the slots of a study that trains nothing as done: their nets are all that there is to know."""
        with self.change() as c:
            own = (slots.c.study == self.study, slots.c.seed == NO_SEED)
            c.execute(slots.update().where(*own).values(state="done"))

    def free_failed(self) -> None:
        """Let failed slots be taken once more."""
        with self.change() as c:
            failed = (slots.c.study == self.study, slots.c.state == "failed")
            c.execute(slots.update().where(*failed).values(state="waiting"))

    def take(self, wanted: Callable[[Row], bool], me: str, *, mine: bool = False) -> Row | None:
        """The first free slot that is wanted, now ours; a dead worker's counts as free, with `mine` also one of ours.

        The row comes back as it stood before, so that its old trial can be closed.
        """
        now = time.time()
        with self.change() as c:
            self.alone(c)
            for row in self.rows_in(c, OPEN):
                free = row["state"] == "waiting" or (
                    row["state"] == "running"
                    and ((mine and row["owner"] == me) or is_dead(row["owner"], row["beat"], now))
                )
                if free and wanted(row):
                    self._update(c, row["number"], state="running", owner=me, beat=now, progress=None, error=None)
                    return row
        return None

    def _update(self, c: sa.Connection, number: int, **values: Any) -> None:
        c.execute(slots.update().where(slots.c.study == self.study, slots.c.number == number).values(**values))

    def note(self, number: int, **values: Any) -> None:
        """Write down the trial of a slot, or a sign of life with its progress."""
        with self.change() as c:
            self._update(c, number, **values)

    def close(
        self,
        number: int,
        state: str,
        facts: Sequence[tuple[str, str, Context, int, Mapping[str, Any]]] = (),
        error: str | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        """A slot's end, all its facts, and by stage what it took, in one transaction."""
        with self.change() as c:
            c.execute(hours.delete().where(hours.c.study == self.study, hours.c.slot == number))
            for stage, took in (seconds or {}).items():
                c.execute(hours.insert().values(study=self.study, slot=number, stage=stage, seconds=took))
            for fact in facts:
                self._put(c, *fact)
            self._update(c, number, state=state, owner=None, error=error, progress=None)

    def put_net(self, net_id: str, canonical_id: str, document: Mapping[str, Any]) -> None:
        with self.change() as c:
            enter_once(c, nets, id=net_id, canonical_id=canonical_id, document=json.dumps(document))

    def put(self, kind: str, net_id: str, context: Context, seed: int, document: Mapping[str, Any]) -> None:
        """Enter one fact, in place of an earlier one of the same kind, net, context and seed."""
        with self.change() as c:
            self._put(c, kind, net_id, context, seed, document)

    def put_instead(
        self, kind: str, net_id: str, context: Context, document: Mapping[str, Any], old: Sequence[Row]
    ) -> None:
        """Enter one fact that is no matter of seeds, and remove older ones that it takes the place of."""
        with self.change() as c:
            _remove(c, old)
            self._put(c, kind, net_id, context, NO_SEED, document)

    def remove(self, old: Sequence[Row]) -> None:
        """Forget facts."""
        with self.change() as c:
            _remove(c, old)

    def _put(
        self, c: sa.Connection, kind: str, net_id: str, context: Context, seed: int, document: Mapping[str, Any]
    ) -> None:
        enter_once(c, contexts, id=context.id, document=json.dumps(context.document))
        key = {"study": self.study, "kind": kind, "net_id": net_id, "context_id": context.id, "seed": seed}
        replace(c, facts, key, document=json.dumps(document))

    def facts_of(self, kind: str | None = None, context_ids: Sequence[str] | None = None) -> list[Row]:
        """The study's facts with their documents and contexts as plain data; counts of images only where asked for."""
        both = contexts.c.id == facts.c.context_id
        query = sa.select(facts, contexts.c.document.label("context")).join(contexts, both)
        query = query.where(facts.c.study == self.study)
        query = query.where(facts.c.kind == kind if kind else facts.c.kind != IMAGES)
        query = query.where(facts.c.context_id.in_(context_ids)) if context_ids is not None else query
        with self.change() as c:
            rows = [dict(row) for row in c.execute(query).mappings()]
        return [{**row, "document": json.loads(row["document"]), "context": json.loads(row["context"])} for row in rows]

    def check_context(self, kind: str, context: Context) -> None:
        """Raises SpecError where facts of this kind were found in another context: they must not share one table."""
        for fact in self.facts_of(kind):
            if fact["context_id"] != context.id:
                changed = "; ".join(differences(fact["context"], json.loads(json.dumps(context.document))))
                raise SpecError(
                    f"study {self.study!r} has trials from other circumstances: {changed}",
                    "give the study another name, or remove its run folder to begin anew",
                )

    def stored_net(self, net_id: str) -> Mapping[str, Any]:
        """One net's document."""
        with self.change() as c:
            return dict(json.loads(c.execute(sa.select(nets.c.document).where(nets.c.id == net_id)).scalar_one()))

    def stored_nets(self) -> dict[str, Row]:
        """id -> {canonical_id, document}."""
        with self.change() as c:
            rows = c.execute(sa.select(nets)).mappings()
            return {
                row["id"]: {"canonical_id": row["canonical_id"], "document": json.loads(row["document"])}
                for row in rows
            }


def _remove(c: sa.Connection, old: Sequence[Row]) -> None:
    for fact in old:
        key = [facts.c[name] == fact[name] for name in ("study", "kind", "net_id", "context_id", "seed")]
        c.execute(facts.delete().where(*key))
