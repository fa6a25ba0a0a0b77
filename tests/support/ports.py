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
    size = (end - first) // workers
    return first + number * size, first + (number + 1) * size


def any_of(ports: tuple[int, int], count: int) -> int:
    """The first, an even one, of any ``count`` neighbours in this process's share."""
    first, end = share_of(ports)
    return first + 2 * secrets.randbelow((end - first - count) // 2)
