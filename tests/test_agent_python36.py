"""What runs on a board is read by Python 3.6, which JetPack 4 has."""

import subprocess
import sys
from pathlib import Path

import rdslab

ROOT = Path(rdslab.__file__).parent
ON_THE_BOARD = [ROOT / "measure" / "agent", ROOT / "errors.py"]


def vermin(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from vermin import main; main()", "-t=3.6-", "--no-tips", "--violations"]
    return subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False)


def test_the_agent_needs_nothing_newer_than_python_3_6() -> None:
    found = vermin(*ON_THE_BOARD)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Minimum required versions: 3.6" in found.stdout


def test_what_is_newer_is_found(tmp_path: Path) -> None:
    newer = tmp_path / "newer.py"
    newer.write_text("if (n := 3) > 2:\n    print(n)\n")
    found = vermin(newer)
    assert found.returncode == 1
    assert "3.8" in found.stdout
