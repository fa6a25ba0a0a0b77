"""The real gateway in a process of its own, with a meter beside it.

Run with a site file. It says ``{"ready": true}`` on its standard output when it serves. ``status`` on its standard
input is answered with one line of JSON; ``reset`` begins a new measurement, ``objects`` counts Python's objects too;
the end of the input stops it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from config.load import load
from gateway.app import Gateway
from gateway.interpreter import settle
from gateway.lag import watch_lag
from gateway.telemetry import configure_logs
from tests.bench.lib import percentile

LAG_SECONDS = 0.01


def milliseconds(late: list[float]) -> dict[str, float]:
    """Of seconds: percentiles and the largest."""
    figures = {f"p{p}": 1000 * percentile(late, p) for p in (50, 95, 99)}
    return figures | {"max": 1000 * max(late, default=0.0)}


def status(gateway: Gateway, late: list[float]) -> dict[str, Any]:
    pool = gateway.voice.stats() if gateway.voice else None
    return {
        "lag": milliseconds(late),
        "wrong": {part: why for part, why in gateway.health().items() if why},
        "idle": pool.idle if pool else 0,
        "busy": pool.busy if pool else 0,
        "contacts": len(gateway.dispatcher.board.contacts),
        "tasks": len(asyncio.all_tasks()),
    }


def _objects() -> dict[str, int]:
    """How many Python objects there are: unlike memory, it is the same again when nothing leaks."""
    gc.collect()
    return {"objects": len(gc.get_objects())}


async def serve(site: Path, output: TextIO) -> None:
    def say(what: dict[str, Any]) -> None:
        print(json.dumps(what), file=output, flush=True)

    settings = load(site)
    configure_logs(settings.gateway.log_level)
    gateway = Gateway(settings)
    late: list[float] = []
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async with gateway.running():
        settle()
        metering = asyncio.create_task(watch_lag(late.append, LAG_SECONDS))
        say({"ready": True})
        while order := (await orders.readline()).strip():
            if order == b"reset":
                late.clear()
            say(status(gateway, late) | (_objects() if order == b"objects" else {}))
        metering.cancel()


def own_output() -> TextIO:
    """Our standard output for us alone: call processes outlive us and must not keep the pipe open."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return output


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), own_output()))
