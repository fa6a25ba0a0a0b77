"""Whatever holds the event loop up is seen in the figures."""

from __future__ import annotations

import asyncio
import time

from config.load import load
from gateway.lag import watch_lag
from gateway.telemetry import Telemetry
from routing.board import Board
from routing.rules import Rules


async def test_a_loop_that_was_held_up_is_seen_in_the_figures() -> None:
    # given a gateway whose event loop is watched
    board = Board(Rules.of(load(overlay={"edge": {"phone_secret": "x"}})))
    telemetry = Telemetry(lambda: board, time.time, lambda: 0, lambda: 0)
    seen: asyncio.Queue[float] = asyncio.Queue()

    def observe(seconds: float) -> None:
        telemetry.loop_was_late(seconds)
        seen.put_nowait(seconds)

    watching = asyncio.create_task(watch_lag(observe, every=0.01))
    await asyncio.wait_for(seen.get(), 1)

    # when something blocks it
    time.sleep(0.3)  # noqa: ASYNC251 -- this is what must not happen

    # then that look was late by most of it
    assert await asyncio.wait_for(seen.get(), 1) > 0.25
    assert 'gateway_loop_lag_seconds_bucket{le="+Inf"} 2.0' in telemetry.exposition().decode()
    watching.cancel()
