"""glibc's malloc, set so that large maps are kept."""

import json
import platform
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from rdslab.measure import malloc

FAULTS = """
import ctypes, json, resource, runpy, sys
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes, libc.memset.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def faults(size=40 << 20, calls=5):
    for call in range(calls + 1):
        if call == 1:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        held = libc.malloc(size)
        libc.memset(held, 1, size)
        libc.free(held)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / calls
module = runpy.run_path(sys.argv[1])
print(json.dumps([faults(), module["tune_malloc"](), faults()]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="sets glibc's malloc; this system has another libc")
def test_malloc_keeps_the_memory_of_large_maps() -> None:
    command = [sys.executable, "-c", FAULTS, str(malloc.__file__)]
    before, words, after = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert before > 1000  # 10,240 pages of 4 kB
    assert after < 10
    assert words == "glibc: mmap from 1 GiB, no trim, top pad 256 MiB"


def test_a_preloaded_malloc_is_left_alone_and_named_without_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/home/somebody/libjemalloc.so.2")
    module = runpy.run_path(str(Path(malloc.__file__)))
    assert module["tune_malloc"]() == "default, with libjemalloc.so.2 preloaded"
