"""How soon a text is on a handler's screen: run with ``python tests/bench/texts.py [--quick] [--rate R]``.

The real application, its database synced to disk with every commit; webhooks signed as the carrier signs them, each
from another sender; one live WebSocket for each handler. What the figures run from and to stands in
docs/performance.md.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from argon2 import PasswordHasher

from gateway.sandbox.client import Client, Live
from gateway.store.records import Account
from routing.model import Handler
from tests.bench.lib import Options, Report, read_options, run
from tests.bench.load import proc
from tests.bench.load.carrier import ACCOUNT, OURS, TOKEN
from tests.bench.load.site import Site, site

TEXTS_A_SECOND, TARGET_MS = 100, 50.0
HANDLERS = 20
PASSWORD = "correct horse battery"
STILL_SECONDS = 30.0
OFFERED, ARRIVED = '"kind":"MakeOffer"', '"kind":"MessageArrived"'


@dataclass(slots=True)
class Tally:
    """Times are time.monotonic(): ``posted`` (when due) by sender, ``offered`` by contact; ``answered`` is in ms.

    ``seconds``: from the first text to the last answer.
    """

    posted: dict[str, float] = field(default_factory=dict)
    answered: list[float] = field(default_factory=list)
    sender_of: dict[str, str] = field(default_factory=dict)
    offered: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    seconds: float = 0.0

    def waits(self) -> list[float]:
        """Milliseconds from the webhook to the offer on the handler's screen."""
        known = [(c, sender) for c, sender in self.sender_of.items() if c in self.offered and sender in self.posted]
        return [1000 * (self.offered[contact] - self.posted[sender]) for contact, sender in known]


async def texts(options: Options, report: Report, target: float = TARGET_MS) -> None:
    rate = options.rate or TEXTS_A_SECOND
    count, tally = int(rate * (options.seconds or options.size(30, 4))), Tally()
    async with site(handlers=people(count), overlay=_overlay()) as here, AsyncExitStack() as stack:
        desks = [await desk_of(here, stack, f"h{n}") for n in range(HANDLERS)]
        async with here.client() as administrator, administrator.live() as everything, asyncio.TaskGroup() as tasks:
            screens = [tasks.create_task(watch(desk, tally)) for desk in desks]
            screens.append(tasks.create_task(read(everything, tally)))
            await here.gateway.status("reset")
            used, judging = proc.cpu_seconds(here.gateway.pid), _children(here)
            await _post_all(here, count, rate, tally)
            await until(lambda: len(tally.waits()) >= count)
            used, judging = proc.cpu_seconds(here.gateway.pid) - used, _children(here) - judging
            status = await here.gateway.status()
            for screen in screens:
                screen.cancel()
    _report(report, count, tally, target, status["lag"])
    report.value("texts a second", count / tally.seconds, "texts/s")
    report.value("CPU of the gateway for each text", 1000 * used / count, "ms")
    report.value("and of the process that judges", 1000 * judging / count, "ms")


def _children(here: Site) -> float:
    """CPU seconds of the gateway's child, with its start: it has none before many texts come."""
    return sum(proc.cpu_seconds(child) for child in proc.children(here.gateway.pid))


def people(count: int) -> list[tuple[Handler, Account | None]]:
    """Room for every text at once, so that each is offered at once: to one handler until they are full."""
    room, hashed = count // HANDLERS + 1, PasswordHasher().hash(PASSWORD)
    names = [f"h{n}" for n in range(HANDLERS)]
    return [
        (Handler(name, name, "fcc", text_capacity=room, email_capacity=room), Account(name, "handler", hashed))
        for name in names
    ]


def _overlay() -> dict[str, Any]:
    """No acknowledgements: the carrier's own side is not what is measured here."""
    queues = [
        {"id": name, "name": name, "target_seconds": 300, "acknowledgement": ""}
        for name in ("general", "texts", "emails")
    ]
    return {
        "text": {
            "enabled": True,
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "api_url": "http://127.0.0.1:9",  # nothing is sent
            "numbers": [{"number": OURS, "queue": "texts"}],
        },
        "queues": queues,
        "routing": {"text_offer_seconds": 600},
    }


async def desk_of(here: Site, stack: AsyncExitStack, name: str) -> Live:
    """A handler who has signed in and whose live WebSocket is open."""
    client = await Client.signed_in(here.settings.http.public_url, name, PASSWORD)
    await stack.enter_async_context(client)
    return await stack.enter_async_context(client.live())


async def watch(desk: Live, tally: Tally) -> None:
    """What is offered there. Rows are not parsed: the load must cost little."""
    async for row in desk.texts():
        if OFFERED in row:
            tally.offered[_between(row, '"contact":"', '"')] = time.monotonic()


async def read(live: Live, tally: Tally) -> None:
    """Everything, as a supervisor sees it: which contact is whose."""
    async for row in live.texts():
        if ARRIVED in row:
            tally.sender_of[_between(row, '"contact":"', '"')] = _between(row, '"party":{"address":"', '"')


def _between(row: str, before: str, after: str) -> str:
    begins = row.index(before) + len(before)
    return row[begins : row.index(after, begins)]


async def _post_all(here: Site, count: int, rate: float, tally: Tally) -> None:
    http = here.settings.http
    url = f"{http.public_url}/webhooks/twilio/message"
    command = [sys.executable, "-m", "tests.bench.load.carrier", url, str(http.port), str(count), str(rate)]
    carrier = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    said = json.loads((await carrier.communicate())[0])
    tally.posted, tally.answered = said["due"], said["waits"]
    tally.refused, tally.seconds = said["refused"], said["seconds"]


async def until(condition: Callable[[], bool]) -> None:
    """Now or soon; what is still missing by then is a figure."""
    with suppress(TimeoutError):
        async with asyncio.timeout(STILL_SECONDS):
            while not condition():
                await asyncio.sleep(0.02)


def _report(report: Report, count: int, tally: Tally, target: float, lag: dict[str, float]) -> None:
    report.spread("webhook sent to offer on the handler's WebSocket", tally.waits(), "ms", target=target)
    report.spread("webhook sent to its answer (the text is on disk)", tally.answered, "ms")
    report.value(f"texts not offered of {count}", count - len(tally.waits()), "texts", target=0)
    report.value("webhooks refused", tally.refused, "webhooks", target=0)
    report.value("gateway's event loop late, p99", lag["p99"], "ms")


def main() -> int:
    options = read_options("Measure how texts come in.")
    report = Report("Texts", options.quick)
    for _ in range(options.repeat):
        run(texts(options, report))
    return report.finish(options.out)


if __name__ == "__main__":
    raise SystemExit(main())
