"""The agent as one file: the same bytes each time, alone in the world, under old Pythons, and what it is sent."""

import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rdslab.errors import RunError
from rdslab.measure.agent.enginecache import digest_of
from rdslab.measure.agent.receive import SILENCE_S, Receiver
from rdslab.measure.bundle import ROOT, agent_bundle
from tests.fake_trtexec import put_trtexec


def _old() -> list[str]:
    """Pythons from 3.6 to 3.9 that are on this machine, one of each."""
    versions = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    named = [(f"3.{minor}", shutil.which(f"python3.{minor}")) for minor in range(6, 10)]
    found = {version: path for version, path in named if path and "shims" not in path}
    found |= {path.parents[1].name[:3]: str(path) for path in versions.glob("3.[6-9].*/bin/python3")}
    return [found[version] for version in sorted(found)]


PYTHONS = [sys.executable, *_old()]
every_python = pytest.mark.parametrize("python", PYTHONS, ids=["this", *(f"old{n}" for n in range(1, len(PYTHONS)))])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the file in it, whose name is that of a work folder; a trtexec is beside it."""
    folder = tmp_path / "rdslab-work"
    folder.mkdir()
    (folder / "agent.pyz").write_bytes(agent_bundle())
    put_trtexec(tmp_path)
    return folder


def run(place: Path, *arguments: str, python: str = sys.executable, **more: Any) -> subprocess.CompletedProcess[bytes]:
    """The agent, far from any checkout: isolated, without the packages of the Python that runs it."""
    environment = {"PATH": f"{place.parent}:/usr/bin:/bin", "HOME": str(place.parent / "home")}
    command = [python, "-I", "-S", str(place / "agent.pyz"), *arguments]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, timeout=120, check=False, **more)


def put_job(place: Path, **more: Any) -> Path:
    (place / "a.onnx").write_bytes(b"onnx")
    plan = {"warm_up_s": 0.0, "blocks": 3, "runs": 9, "seconds": 10.0, "spread": 1e9, "drift": 1e9, "busy": 1e9}
    entry = {"name": "a", "file": "a.onnx", "sha256": digest_of(str(place / "a.onnx"))}
    job = {
        "version": 1,
        "engine": "trtexec",
        "precision": "fp16",
        "size": "64x64",
        "input": [1, 3, 64, 64],
        "threads": 1,
        "inside": "network",
        "plan": plan,
        "sentinel": {**entry, "name": "sentinel"},
        "nets": [entry],
        **more,
    }
    (place / "job.json").write_text(json.dumps(job))
    return place / "job.json"


def answer(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_its_bytes_are_the_same_each_time_and_hold_no_more_than_is_needed() -> None:
    first = agent_bundle()
    agent_bundle.cache_clear()
    for path in (ROOT / "errors.py", ROOT / "measure" / "agent" / "clock.py"):
        os.utime(path)  # a time of change is no content
    assert agent_bundle() == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        names = archive.namelist()
        assert archive.read("rdslab/__init__.py") == archive.read("rdslab/measure/__init__.py") == b""
    agent = {f"rdslab/measure/agent/{path.name}" for path in (ROOT / "measure" / "agent").glob("*.py")}
    assert set(names) == agent | {"__main__.py", "rdslab/__init__.py", "rdslab/measure/__init__.py", "rdslab/errors.py"}
    assert len(first) < 400_000


def test_it_imports_nothing_that_is_not_in_it() -> None:
    allowed = ("rdslab.errors", "rdslab.measure.agent")
    for path in (ROOT / "measure" / "agent").glob("*.py"):
        for name in re.findall(r"^\s*(?:from|import) (rdslab[\w.]*)", path.read_text(), re.MULTILINE):
            assert name.startswith(allowed), f"{path.name} imports {name}"


def test_it_is_python_3_6() -> None:
    pytest.importorskip("vermin", reason="needs the extra `test`")
    paths = [str(ROOT / "errors.py"), str(ROOT / "measure" / "agent")]
    command = [str(Path(sys.executable).parent / "vermin"), "-t=3.6-", "--no-tips", "--violations", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@every_python
def test_a_job_is_worked_off_by_old_pythons_too(python: str, place: Path) -> None:
    found = answer(run(place, str(put_job(place)), python=python))
    assert "error" not in found, found
    assert found["engine"] == "trtexec"
    runs = [ms for block in found["nets"]["a"]["blocks"] for ms in block]
    assert len(runs) >= 9
    assert all(2 <= ms < 2.02 for ms in runs)
    assert found["nets"]["a"]["facts"]["engine_cached"] is False
    assert set(found["outcome"]) >= {"sentinel_ms", "drift", "repeated", "busy", "words"}
    assert isinstance(found["certificate"]["certified"], bool)
    assert found["host"]["cores"] >= 1
    assert sorted(path.name for path in place.iterdir()) == ["a.onnx", "agent.pyz", "job.json"]


def test_without_its_own_packages_the_job_names_what_lacks(place: Path) -> None:
    (place.parent / "trtexec").unlink()
    found = answer(run(place, str(put_job(place, engine="auto", precision="fp32"))))
    assert found["error"]["what"] == "there is no engine that can time a net"
    assert len(found["error"]["hints"]) == 3


def test_a_half_copied_file_is_noticed_before_anything_is_timed(place: Path) -> None:
    job = put_job(place)
    (place / "a.onnx").write_bytes(b"on")
    assert answer(run(place, str(job)))["error"]["what"] == "a.onnx: is not what was sent: it was copied by halves"
    (place / "a.onnx").unlink()
    assert answer(run(place, str(job)))["error"]["what"].startswith("a.onnx: cannot be read")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "job.json: the job cannot be read"),
        ("[]", "job.json: the job cannot be read"),
        ('{"version": 7}', "the job is of version 7, this reads version 1"),
    ],
)
def test_a_job_that_is_none_is_told(text: str, says: str, place: Path) -> None:
    (place / "job.json").write_text(text)
    assert answer(run(place, "job.json"))["error"]["what"] == says


def test_a_job_that_there_is_not_is_told(place: Path) -> None:
    assert answer(run(place, "nothing.json"))["error"]["what"] == "nothing.json: the job cannot be read"
    assert answer(run(place, "nowhere/nothing.json"))["error"]["what"].startswith("cannot work in its folder")


def test_a_job_that_takes_too_long_is_stopped(place: Path) -> None:
    put_trtexec(place.parent, behaviour="hang")
    found = answer(run(place, str(put_job(place, limit_s=1))))
    assert found["error"]["what"] == "the measurement has not ended within 1 s and was stopped"
    assert sorted(path.name for path in place.iterdir()) == ["a.onnx", "agent.pyz", "job.json"]


def test_a_net_that_cannot_be_built_has_its_reason_in_place_of_a_time(place: Path) -> None:
    put_trtexec(place.parent, behaviour="unsupported")
    found = answer(run(place, str(put_job(place))))
    assert "it has no operator 'GridSample'" in found["nets"]["a"]["error"]["what"]


def test_other_arguments_get_the_usage(place: Path) -> None:
    done = run(place)
    assert done.returncode == 2
    assert b"usage: python3 agent.pyz JOB.json" in done.stderr


def frames(place: Path) -> bytes:
    put_job(place)
    files = {name: (place / name).read_bytes() for name in ("a.onnx", "job.json")}
    for name in files:
        (place / name).unlink()
    return b"".join(b"file %s %d\n" % (name.encode(), len(content)) + content for name, content in files.items())


def said(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """What the last line of the agent's tells: its result."""
    assert done.returncode == 0, done.stderr.decode()
    word, _, document = done.stdout.decode().splitlines()[-1].partition("rdslab result ")
    assert not word
    found: dict[str, Any] = json.loads(document)
    return found


def test_files_that_came_by_halves_are_told_and_the_folder_goes(place: Path) -> None:
    whole = frames(place)
    for end in (3, 30, len(whole) // 2, len(whole)):
        (place.mkdir(exist_ok=True), (place / "agent.pyz").write_bytes(agent_bundle()))
        done = run(place, "-", input=whole[:end])
        assert said(done)["error"]["what"] == "the connection was lost while files were copied"
        assert not place.exists()


def test_when_nobody_waits_any_more_the_work_ends(place: Path) -> None:
    put_trtexec(place.parent, behaviour="hang")
    done = run(place, "-", input=frames(place) + b"ping\ngo\nping\n")  # and then the stream ends
    assert said(done)["error"]["what"] == "nobody waits for the result any more"
    assert not place.exists()


def test_a_disk_that_is_full_is_told(place: Path) -> None:
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    done = run(place, "-", input=b"file a.onnx 5000\n" + b"x" * 5000 + b"go\n", preexec_fn=small)
    assert said(done)["error"] == {
        "kind": "RunError",
        "what": "cannot keep what it is sent: the disk is full",
        "hints": ["free some space on the board"],
    }


@pytest.mark.parametrize("line", [b"file ../a.onnx 1\nx", b"file a 1\nx", b"file a.b -1\n", b"GET / HTTP/1.1\r\n"])
def test_only_names_of_ours_are_kept(line: bytes, place: Path) -> None:
    done = run(place, "-", input=line + b"go\n")
    assert "which it does not know" in said(done)["error"]["what"]


def test_a_folder_that_is_not_its_own_is_left_alone(place: Path) -> None:
    other = place.parent / "mine"
    place.rename(other)
    (other / "letter.txt").write_text("dear")
    assert said(run(other, "-", input=b""))["error"]
    assert (other / "letter.txt").exists()


def test_silence_is_a_lost_connection(tmp_path: Path) -> None:
    now = [0.0]
    read, write = os.pipe()
    with io.FileIO(read, "rb") as stream, io.FileIO(write, "wb") as sender:
        receiver = Receiver(stream, tmp_path, clock=lambda: now[0])
        receiver.start()
        now[0] = SILENCE_S - 1
        assert not receiver.lost
        now[0] = SILENCE_S + 1
        assert receiver.lost
        with pytest.raises(RunError, match="the connection was lost"):
            receiver.wait(poll_s=0.01)
        sender.write(b"ping\n")
        sender.close()
        receiver.join()
