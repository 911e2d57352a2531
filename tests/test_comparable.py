"""Which times may stand side by side: every field that decides it is looked at, and named."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from rdslab.comparable import FACTS, HOST, PROTOCOL, circumstances, differences
from rdslab.times import Host, Protocol, Times

PROTOCOL_HERE = Protocol(
    size="64x64",
    classes=19,
    batch=1,
    precision="fp32",
    backend="torch",
    threads=1,
    layout="channels_first",
    inside="network",
    form="eager",
    allocator="tuned",
    warm_up="until flat",
    runs="200 in 5 blocks",
)
HERE = Host("AMD EPYC", 2, 8.0, "", "Linux 6.1 x86_64", {"torch": "2.13.0", "python": "3.11.2"})
FACTS_HERE = {"board": "", "power_mode": "MAXN", "jetson_clocks": True, "driver": "550", "versions": {"onnx": "1.18"}}
CERTIFICATE = {"certified": True, "reasons": [], "facts": FACTS_HERE}


def measured(**changes: Any) -> dict[str, Any]:
    runs = (10.0, 10.1, 10.2, 10.3)
    times = Times(
        "here", False, runs, 10.15, 10.0, 10.3, PROTOCOL_HERE, HERE, block_runs=(2, 2), certificate=CERTIFICATE
    )
    return replace(times, **changes).document()


def test_the_same_circumstances_compare_whatever_was_measured() -> None:
    other = measured(latency_ms=99.0, runs_ms=(1.0,), load=3.0, notes=("n",), energy_mj=3.0)
    assert differences(measured(), other) == []
    assert differences(measured(), json.loads(json.dumps(other))) == []


def test_every_field_of_a_protocol_decides() -> None:
    assert set(PROTOCOL) == {field.name for field in fields(Protocol)}
    for name in PROTOCOL:
        other = "other" if isinstance(getattr(PROTOCOL_HERE, name), str) else 7
        (line,) = differences(measured(), measured(protocol=replace(PROTOCOL_HERE, **{name: other})))
        assert line == (name, getattr(PROTOCOL_HERE, name), other)
        assert str(line) == f"{name} is {getattr(PROTOCOL_HERE, name)} in one and {other} in the other"


def test_the_machine_decides_and_its_memory_does_not() -> None:
    assert {*HOST, "memory_gb", "versions"} == {field.name for field in fields(Host)}
    for name in HOST:
        (line,) = differences(measured(), measured(host=replace(HERE, **{name: "other"})))
        assert (line.field, line.b) == (f"host.{name}", "other")
    assert differences(measured(), measured(host=replace(HERE, memory_gb=99.0))) == []


@pytest.mark.parametrize("name", FACTS)
def test_the_settings_of_the_machine_decide(name: str) -> None:
    certificate = {**CERTIFICATE, "facts": {**FACTS_HERE, name: "other"}}
    (line,) = differences(measured(), measured(certificate=certificate))
    assert (line.field, line.a, line.b) == (f"host.{name}", FACTS_HERE.get(name) or None, "other")


def test_versions_decide_one_by_one() -> None:
    newer = replace(HERE, versions={**HERE.versions, "torch": "2.14.0", "cuda": "13"})
    found = differences(measured(), measured(host=newer))
    assert [(line.field, line.a, line.b) for line in found] == [
        ("host.versions.torch", "2.13.0", "2.14.0"),
        ("host.versions.cuda", None, "13"),
    ]
    assert str(found[1]) == "host.versions.cuda is not known in one and 13 in the other"


@pytest.mark.parametrize("certificate", [None, {**CERTIFICATE, "certified": False}])
def test_a_time_without_a_certificate_does_not_stand_beside_one_with(certificate: dict[str, Any] | None) -> None:
    names = [line.field for line in differences(measured(), measured(certificate=certificate))]
    assert "certified" in names
    assert differences(measured(certificate=certificate), measured(certificate=certificate)) == []


def test_a_prediction_does_not_stand_beside_a_measurement_nor_beside_another_profiles() -> None:
    predicted = measured(predicted=True, host=None, certificate=None, device="jetson-tx1")
    assert ("kind", "measured", "predicted") in differences(measured(), predicted)
    assert differences(predicted, {**predicted, "latency_ms": 1.0}) == []
    assert differences(predicted, {**predicted, "device": "jetson-nano"}) == [("device", "jetson-tx1", "jetson-nano")]


def test_the_name_of_a_device_says_nothing_of_a_measurement() -> None:
    assert differences(measured(), measured(device="ssh://me@board")) == []


def test_circumstances_leave_out_what_is_not_known() -> None:
    assert circumstances({}) == {"kind": "measured"}
    found = circumstances(measured())
    assert (found["threads"], found["host.power_mode"], found["certified"]) == (1, "MAXN", True)
    assert "host.gpu" not in found
