"""The study's trials among Optuna's: opened, told how they ended, and closed where a worker died."""

import time
import warnings
from collections.abc import Callable, Sequence

import optuna
from optuna.trial import TrialState

from rdslab.errors import RdslabError
from rdslab.search.aims import MIOU, Objective
from rdslab.search.budget import is_search_slot
from rdslab.search.database import driven, engine_options, is_lost
from rdslab.search.hours import Stages
from rdslab.search.ledger import Ledger, Row
from rdslab.search.owner import is_dead
from rdslab.search.prepare import Prepared

Notice = Callable[[str], object]
TOLD = "told"  # a trial's values, written down before its slot is closed
WITH_REASON = ("failed", "pruned", "refused", "repeated")
VARIANTS = (Objective(MIOU, True), Objective("macs", False))


def open_optuna(prepared: Prepared, url: str) -> optuna.Study:
    """The study's own variants among Optuna's, made where it is not there yet; its objectives are mIoU and MACs.

    A study with a search has two: samplers must not see trials that have no genes, and no other study has a slash.
    """
    name = prepared.study.name if prepared.genotypes is None else f"{prepared.study.name}/variants"
    return _opened(url, name, VARIANTS)


def open_search(prepared: Prepared, url: str) -> optuna.Study:
    """The study's search among Optuna's."""
    assert prepared.genotypes is not None
    return _opened(url, prepared.study.name, prepared.genotypes.objectives)


def optunas_storage(url: str) -> optuna.storages.RDBStorage:
    """Optuna's own tables in a study's database."""
    return optuna.storages.RDBStorage(driven(url), engine_kwargs=engine_options(url, optuna=True))


def _opened(url: str, name: str, objectives: Sequence[Objective]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optunas_storage(url)
    directions = [one.direction for one in objectives]
    study = optuna.create_study(storage=storage, study_name=name, directions=directions, load_if_exists=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # names in the dashboard, no more
        study.set_metric_names([one.figure for one in objectives])
    return study


def close_stale_trials(study: optuna.Study, ledger: Ledger, *, found: bool = False) -> None:
    """Tell Optuna how trials ended whose worker died before it could: with the slot's values, or as failed.

    `found`: those of the study's search.
    """
    # Trials before slots before facts: a worker takes a slot, then asks for its trial, and writes facts last of all.
    # The other way round, a trial begun between the two looks like one that nobody owns.
    trials = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    if not trials:
        return
    rows, now = ledger.rows(), time.time()
    by_trial = {row["trial"]: row for row in rows if row["trial"] is not None and found == is_search_slot(row)}
    alive = any(row["state"] == "running" and not is_dead(row["owner"], row["beat"], now) for row in rows)
    for trial in trials:
        row = by_trial.get(trial.number)
        if row is not None and row["state"] not in ("running", "failed", "waiting"):
            tell(study, trial.number, trial.user_attrs.get(TOLD))
        elif (row is not None and row["state"] == "failed") or (row is None and not alive):
            tell(study, trial.number, None)


def tell(study: optuna.Study, number: int, values: Sequence[float] | None) -> None:
    """End a trial with its values, or as failed; one that has ended stays as it is."""
    if values is None:
        study.tell(number, state=TrialState.FAIL, skip_if_finished=True)
    else:
        study.tell(number, values, skip_if_finished=True)


def end_failed(
    study: optuna.Study,
    ledger: Ledger,
    notice: Notice,
    row: Row,
    trial: optuna.Trial,
    stages: Stages,
    error: Exception,
) -> str:
    """Close a slot whose trial failed; why it did. Raises what it is given where it is the database that is away."""
    if is_lost(error, ledger.url):
        raise error
    reason = str(error) if isinstance(error, RdslabError) else f"{type(error).__name__}: {error}"
    trial.set_user_attr("error", reason)
    ledger.close(row["number"], "failed", error=reason, seconds=stages.all())
    tell(study, trial.number, None)
    notice(in_words({**row, "state": "failed", "error": reason}))
    return reason


def in_words(row: Row) -> str:
    """`slot 3 (residual, seed 1) failed: ...`."""
    why = f": {row['error']}" if row["error"] and row["state"] in WITH_REASON else ""
    return f"slot {row['number']} ({row['variant']}, seed {row['seed']}) {row['state']}{why}"
