"""The machine at hand: its device and timer, what is set while nets are timed, and what it says of itself."""

import dataclasses
import gc
import json
import platform
import re

import pytest
import torch

from rdslab.errors import SpecError
from rdslab.measure import here, host, measure
from rdslab.network import load_net
from rdslab.records import Size
from rdslab.times import Host

SIZE = Size(64, 32)


def test_threads_and_what_else_was_set_are_put_back() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        with here.quiet(2, torch.device("cpu")):
            assert (torch.get_num_threads(), gc.isenabled()) == (2, False)
            assert not torch.are_deterministic_algorithms_enabled()
        assert (torch.get_num_threads(), gc.isenabled()) == (1, True)
        assert torch.are_deterministic_algorithms_enabled()
        with pytest.raises(KeyboardInterrupt), here.quiet(2, torch.device("cpu")):
            raise KeyboardInterrupt
        assert (torch.get_num_threads(), gc.isenabled()) == (1, True)
    finally:
        torch.use_deterministic_algorithms(False)


def test_cuda_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SpecError, match="this machine has no GPU that torch can use"):
        measure({}, SIZE, 5, threads=1, device_name="cuda")
    with pytest.raises(SpecError, match="backend 'cuda_graph' needs a GPU"):
        measure({"a": load_net("rdsnet")}, SIZE, 5, threads=1, backend="cuda_graph")
    assert here.device_of("here") == torch.device("cpu")


def test_cuda_is_timed_by_events_that_wait_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            log.append("record")

        def synchronize(self) -> None:
            log.append("wait")

        def elapsed_time(self, end: "Event") -> float:
            assert end is not self
            return 3.5

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: log.append("idle"))
    timer = here.timer_of(torch.device("cuda"), None, None)
    assert timer(lambda: log.append("call")) == 3.5
    assert log == ["idle", "record", "call", "record", "wait"]


def test_a_host_says_what_decides_a_time_and_nothing_of_a_person() -> None:
    found = host()
    assert isinstance(found, Host)
    assert found.cpu
    assert found.cores >= 1
    assert found.memory_gb > 0
    assert {"python", "torch", "rdslab"} <= set(found.versions)
    assert found == host()
    assert platform.node() not in json.dumps(dataclasses.asdict(found)).replace(found.cpu, "")
    assert re.fullmatch(r"\S+( \d+(\.\d+)?)?( \S+)?", found.system)
