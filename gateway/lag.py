"""How late the event loop is: when it is, every caller, phone and desk waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

EVERY_SECONDS = 0.1


async def watch_lag(observe: Callable[[float], None], every: float = EVERY_SECONDS) -> None:
    """Tells ``observe`` again and again, until cancelled, how many seconds late the loop came to what was due."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + every
        await asyncio.sleep(every)
        observe(max(0.0, loop.time() - due))
