"""Which ports a test may take: test processes that run beside each other never take the same."""

from __future__ import annotations

import os
import secrets

# Below those that the system hands out by itself (32768 and up on Linux).
SINGLE, ROWS, WORLDS = (10_000, 22_000), (22_000, 25_000), (25_000, 32_600)


def share_of(ports: tuple[int, int]) -> tuple[int, int]:
    """The part of them that belongs to this test process: the first, and the one after the last."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first, end = ports
    size = (end - first) // workers // 2 * 2
    return first + number * size, first + (number + 1) * size


_given: dict[tuple[int, int], int] = {}


def any_of(ports: tuple[int, int], count: int) -> int:
    """The first, an even one, of ``count`` neighbours in this process's share; none is given again until all were."""
    first, end = share_of(ports)
    start = _given.get(ports, first + 2 * secrets.randbelow((end - first) // 2))
    if start + count > end:
        start = first
    _given[ports] = start + count + count % 2
    return start
