"""The agent as one file: a zip that Python runs, of the same bytes wherever and whenever it is made."""

import io
import zipfile
from functools import cache
from pathlib import Path

import rdslab

ROOT = Path(rdslab.__file__).parent
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can tell
START = """\
import sys

if sys.version_info < (3, 6):
    sys.exit("rdslab's agent needs Python 3.6 or newer, this is " + sys.version.split()[0])
from rdslab.measure.agent.__main__ import main

sys.exit(main())
"""


@cache
def agent_bundle() -> bytes:
    """The bytes of `agent.pyz`: the agent's modules, `errors.py`, and packages around them that are empty.

    Nothing is compressed, since what a compressor writes changes with its version.
    """
    files = {"__main__.py": START, "rdslab/__init__.py": "", "rdslab/measure/__init__.py": ""}
    for path in [ROOT / "errors.py", *(ROOT / "measure" / "agent").glob("*.py")]:
        files[f"rdslab/{path.relative_to(ROOT).as_posix()}"] = path.read_text(encoding="utf-8")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Unix, wherever it is made
            archive.writestr(entry, files[name])
    return buffer.getvalue()
