"""The queue for a scarce board: jobs are what the ledger lacks, so no lost connection, kill or late net loses any."""

from pathlib import Path
from typing import Any

import pytest

from rdslab.errors import ConnectionLost, RunError, UnstableTime
from rdslab.network import ids, load_net
from rdslab.search.ledger import storage_of
from rdslab.search.owner import owner
from rdslab.search.plan import Slot
from rdslab.search.queue import Patience, work_off
from rdslab.search.run import start
from rdslab.search.times_results import gather_times
from rdslab.search.waiting import measuring
from tests.board_study import BOARD, Board, Clock, begin, shown


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return begin(tmp_path, monkeypatch)


def test_nets_are_measured_in_the_order_of_their_slots_in_the_form_that_is_exported(begun: Any) -> None:
    prepared, ledger = begun
    board, slots = Board(), [row["net_id"] for row in ledger.rows()]
    assert len(slots) == 3  # the base and two variants
    assert work_off(prepared, ledger, [BOARD], str, open_timer=board.open) == 0
    assert board.asked == [("64x64", slots), ("96x64", slots)]
    assert set(shown(prepared, ledger).values()) == {5.1}
    assert {t["form"] for t in gather_times(prepared.study, ledger)["times"]} == {"deployed"}
    assert work_off(prepared, ledger, [BOARD], str, open_timer=board.open) == 0
    assert len(board.asked) == 2


def test_a_connection_lost_twice_is_waited_for_with_growing_pauses_and_told_once(begun: Any) -> None:
    prepared, ledger = begun
    lost = ConnectionLost("the connection broke", where=BOARD)
    board, clock, told = Board(lost, lost, None), Clock(), list[str]()
    assert work_off(prepared, ledger, [BOARD], told.append, patience=clock.patience(), open_timer=board.open) == 0
    assert clock.slept == [5.0, 10.0]
    assert len([text for text in told if "waits for" in text]) == 1
    assert [text for text in told if not text.startswith("timing ")][1:] == [f"{BOARD} is back"]
    assert set(shown(prepared, ledger).values()) == {5.1}


def test_a_board_that_stays_away_is_given_up_and_its_times_are_missing_with_the_reason(begun: Any) -> None:
    prepared, ledger = begun
    board, clock = Board(ConnectionLost("the connection broke", where=BOARD)), Clock()
    with pytest.raises(RunError, match="cannot be reached for 1 hours"):
        work_off(prepared, ledger, [BOARD], str, patience=clock.patience(give_up_s=3600.0), open_timer=board.open)
    assert 3600 <= sum(clock.slept) <= 4200
    assert max(clock.slept) == 600.0
    assert all("cannot be reached" in why for why in shown(prepared, ledger).values())
    assert measuring(prepared.study, ledger)[0]["refused"] == 6
    work_off(prepared, ledger, [BOARD], str, open_timer=Board().open)  # it is back, and nobody was told
    assert set(shown(prepared, ledger).values()) == {5.1}


def test_a_refused_time_is_tried_later_and_then_stays_missing_with_its_reason(begun: Any) -> None:
    prepared, ledger = begun
    unstable = UnstableTime("spreads over 40 %")
    board, clock = Board(unstable, None), Clock()
    patience = clock.patience(tries=2)
    assert work_off(prepared, ledger, [BOARD], str, patience=patience, open_timer=board.open) == 0
    assert [size for size, _ in board.asked] == ["64x64", "96x64", "64x64"]
    assert clock.slept == [60.0]
    (Path.cwd() / "runs").rename("first")
    prepared, ledger = start(prepared.study, storage_of(prepared.study, None))
    board = Board(unstable)
    assert work_off(prepared, ledger, [BOARD], str, patience=patience, open_timer=board.open) == 6
    assert len(board.asked) == 4
    assert set(shown(prepared, ledger).values()) == {"spreads over 40 %"}


def test_a_board_that_cannot_measure_at_all_is_left_and_says_why(begun: Any) -> None:
    prepared, ledger = begun
    board = Board(RunError("has neither trtexec nor ONNX Runtime", where=BOARD))
    with pytest.raises(RunError, match="neither trtexec"):
        work_off(prepared, ledger, [BOARD], str, open_timer=board.open)
    assert len(board.asked) == 1
    assert all("neither trtexec" in why for why in shown(prepared, ledger).values())


def test_nets_that_are_handed_in_meanwhile_are_measured_too(begun: Any) -> None:
    prepared, ledger = begun
    late = load_net("rdsnet").with_value("width", 0.125)
    ledger.enter_slots([Slot(0, "busy", 0)], {"busy": prepared.net_id("base")})
    row = ledger.take(lambda row: row["variant"] == "busy", owner())  # a worker is at its training
    assert row is not None

    def hand_in() -> None:
        ledger.put_net(*ids(late), late.document())
        ledger.enter_slots([Slot(0, "late", 0)], {"late": ids(late)[0]})

    clock = Clock()
    rest: list[Any] = [None, lambda: ledger.close(row["number"], "done")]
    board = Board(hand_in, *rest)
    assert work_off(prepared, ledger, [BOARD], str, patience=clock.patience(), stay=True, open_timer=board.open) == 0
    assert [names for _, names in board.asked].count([ids(late)[0]]) == 1
    assert ids(late)[0] in board.asked[-1][1]


def test_with_nothing_left_it_waits_while_the_study_is_at_work_and_says_so_once(begun: Any) -> None:
    prepared, ledger = begun
    ledger.enter_slots([Slot(0, "busy", 0)], {"busy": prepared.net_id("base")})
    row = ledger.take(lambda row: row["variant"] == "busy", owner())
    assert row is not None
    clock, told = Clock(), list[str]()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now > 20:
            ledger.close(row["number"], "done")

    patience = Patience(clock=lambda: clock.now, sleep=sleep)
    work_off(prepared, ledger, [BOARD], told.append, patience=patience, stay=True, open_timer=Board().open)
    assert [text for text in told if not text.startswith("timing ")] == [
        "all nets are measured; waits for more while the study is at work"
    ]
