"""glibc's malloc set so that it keeps the memory of large maps instead of fetching it anew for every call."""

import ctypes
import os
from functools import cache
from pathlib import Path

# The parameters' numbers in glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -2, -3, -4
MMAP_THRESHOLD = 1 << 30
TOP_PAD = 256 << 20
NEVER = -1  # as a trim threshold: memory is not given back


@cache
def tune_malloc() -> str:
    """Set the thresholds of this process's malloc, once, and say how it is set: what `Protocol.allocator` holds.

    By default a map of 8 MB is fetched from the kernel and given back in each call, page by page: thousands of page
    faults, which take longer than the arithmetic. To be called before the first large allocation: what was allocated
    before keeps its ways. "default" where malloc is not glibc's.
    """
    if preloaded := os.environ.get("LD_PRELOAD"):  # perhaps another malloc, that mallopt does not reach
        return f"default, with {', '.join(Path(part).name for part in preloaded.replace(':', ' ').split())} preloaded"
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return "default"
    done = []
    if libc.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD):
        done.append("mmap from 1 GiB")
    elif libc.mallopt(M_MMAP_MAX, 0):  # older ones take no threshold above 32 MiB
        done.append("no mmap")
    if libc.mallopt(M_TRIM_THRESHOLD, NEVER):
        done.append("no trim")
    if libc.mallopt(M_TOP_PAD, TOP_PAD):
        done.append("top pad 256 MiB")
    return f"glibc: {', '.join(done)}" if done else "default"
