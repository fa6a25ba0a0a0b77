"""How soon a text is on a handler's screen: run with ``python tests/bench/texts.py [--quick] [--rate R]``.

The real application, its database synced to disk with every commit; webhooks signed as the carrier signs them, each
from another sender; one live WebSocket for each handler. What the figures run from and to stands in
docs/performance.md.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import aiohttp
from argon2 import PasswordHasher
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from gateway.sandbox.client import Client, Live
from gateway.store.records import Account
from routing.model import Handler
from tests.bench.lib import Options, Report, read_options, run
from tests.bench.load import proc
from tests.bench.load.site import Site, site

TEXTS_A_SECOND, TARGET_MS = 100, 50.0
HANDLERS = 20
ACCOUNT, TOKEN, OURS = "AC" + "0" * 32, "bench-token", "61016"
PASSWORD = "correct horse battery"
STILL_SECONDS = 30.0
LONGEST_SECONDS = 600.0


@dataclass(slots=True)
class Tally:
    """Times are time.monotonic(): ``posted`` by sender, ``offered`` by contact; ``answered`` is in ms."""

    posted: dict[str, float] = field(default_factory=dict)
    answered: list[float] = field(default_factory=list)
    sender_of: dict[str, str] = field(default_factory=dict)
    offered: dict[str, float] = field(default_factory=dict)
    refused: int = 0

    def waits(self) -> list[float]:
        """Milliseconds from the webhook to the offer on the handler's screen."""
        known = self.sender_of.items()
        return [1000 * (self.offered[c] - self.posted[sender]) for c, sender in known if c in self.offered]


async def texts(options: Options, report: Report, target: float = TARGET_MS) -> None:
    rate = options.rate or TEXTS_A_SECOND
    count, tally = int(rate * (options.seconds or options.size(30, 4))), Tally()
    async with site(handlers=people(count), overlay=_overlay()) as here, AsyncExitStack() as stack:
        desks = [await desk_of(here, stack, f"h{n}") for n in range(HANDLERS)]
        async with here.client() as administrator, administrator.live() as everything, asyncio.TaskGroup() as tasks:
            tasks.create_task(read(everything, tally, count))
            screens = [tasks.create_task(watch(desk, tally)) for desk in desks]
            await here.gateway.status("reset")
            began, used = time.monotonic(), proc.cpu_seconds(here.gateway.pid)
            await _post_all(here, count, rate, tally)
            took, used = time.monotonic() - began, proc.cpu_seconds(here.gateway.pid) - used
            await until(lambda: len(tally.offered) >= count)
            status = await here.gateway.status()
            for screen in screens:
                screen.cancel()
    _report(report, count, tally, target, status["lag"])
    report.value("texts a second", count / took, "texts/s")
    report.value("CPU of the gateway", 100 * used / took, "% of a core")


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
        "routing": {"message_offer_seconds": 600},
    }


async def desk_of(here: Site, stack: AsyncExitStack, name: str) -> Live:
    """A handler who has signed in and whose live WebSocket is open."""
    client = await Client.signed_in(here.settings.http.public_url, name, PASSWORD)
    await stack.enter_async_context(client)
    return await stack.enter_async_context(client.live())


async def watch(desk: Live, tally: Tally) -> None:
    """What is offered there."""
    while True:
        row = await desk.next(LONGEST_SECONDS)
        if row["kind"] == "MakeOffer":
            tally.offered[row["contact"]] = time.monotonic()


async def read(live: Live, tally: Tally, count: int) -> None:
    """Everything, as a supervisor sees it: which contact is whose."""
    while len(tally.sender_of) < count:
        row = await live.next(STILL_SECONDS)
        if row["kind"] == "MessageArrived":
            tally.sender_of[row["contact"]] = row["data"]["party"]["address"]


async def _post_all(here: Site, count: int, rate: float, tally: Tally) -> None:
    """At a steady rate, whether or not the earlier ones were answered."""
    url = f"{here.settings.http.public_url}/webhooks/twilio/message"
    signer, began = RequestValidator(TOKEN), time.monotonic()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as posts:
        for n in range(count):
            posts.create_task(_post(session, url, signer, f"+447700{900000 + n}", tally))
            await asyncio.sleep(max(0.0, began + (n + 1) / rate - time.monotonic()))


async def _post(session: aiohttp.ClientSession, url: str, signer: Any, sender: str, tally: Tally) -> None:
    form = {
        "MessageSid": f"SM{secrets.token_hex(16)}",
        "AccountSid": ACCOUNT,
        "From": sender,
        "To": OURS,
        "Body": "A car is parked across my drive again, please ask its owner to move it.",
        "NumMedia": "0",
    }
    headers = {"X-Twilio-Signature": signer.compute_signature(url, form)}
    posted = tally.posted[sender] = time.monotonic()
    async with session.post(url, data=form, headers=headers) as answer:
        if answer.status != 200:
            tally.refused += 1
    tally.answered.append(1000 * (time.monotonic() - posted))


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
