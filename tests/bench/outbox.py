"""How fast the outbox sends, and what becomes of its messages when it is killed: ``tests/bench/outbox.py [--quick]``.

Rate: a provider that answers after 20 ms; from the start of the outbox to the last confirmation on disk. Killed: fifty
times with SIGKILL, at random moments; afterwards every message must have reached the provider once.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[2]))

from config.settings import Outbox as OutboxSettings
from gateway.outbox.outbox import Outbox
from gateway.store.records import Message
from routing.model import Time
from tests.bench.lib import Options, Report, read_options, run
from tests.support.crash import Nursery, Provider
from tests.support.writer import Writer, settings_for, until

SENT_A_SECOND, ANSWER_SECONDS, DEADLINE = 200.0, 0.02, 300.0


class Prompt:
    """A provider that takes everything."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def send(self, message: Message) -> str:
        await asyncio.sleep(ANSWER_SECONDS)
        self.taken.append(message.id)
        return f"provider:{message.id}"

    async def check(self, ours: str) -> None:
        """It is always there."""

    async def find_sent(self, message: Message, since: Time) -> str | None:
        return None


async def rate(options: Options, report: Report) -> None:
    """With the settings of ``config/default.toml``."""
    count, provider = options.size(4000, 400), Prompt()
    with TemporaryDirectory(prefix="outbox") as folder:
        settings = settings_for(Path(folder))
        async with Writer(settings.store.url, settings) as writer:
            await asyncio.gather(*(writer.text(n) for n in range(count)))
            began = time.monotonic()
            await _sent(writer, provider, settings.outbox)
            took = time.monotonic() - began
    report.value("seconds for 200 messages", took / count * SENT_A_SECOND, "s", target=1.0)
    report.value("messages a second", count / took, "messages/s")
    report.value("messages lost or doubled", _wrong(provider.taken, count), "messages", target=0)


async def killed(options: Options, report: Report) -> None:
    count, kills, chance = options.size(5000, 500), options.size(50, 5), random.Random(7)
    with TemporaryDirectory(prefix="outbox") as folder:
        settings, provider = settings_for(Path(folder)), Provider(Path(folder) / "provider")
        async with Writer(settings.store.url, settings) as writer:
            await asyncio.gather(*(writer.text(n) for n in range(count)))
        with Nursery() as nursery:
            for _ in range(kills):
                after, moment = chance.randint(1, 12), chance.uniform(0, 0.02)
                nursery.killed("send", settings.store.url, folder, after=after, moment=moment)
        left = count - len(provider.taken())
        async with Writer(settings.store.url, settings) as writer:
            await _sent(writer, provider, settings.outbox)
        wrong = _wrong(provider.taken(), count)
    report.value(f"messages left after {kills} kills", left, "messages")
    report.value(f"of {count} lost or doubled", wrong, "messages", target=0)


async def _sent(writer: Writer, provider: Prompt | Provider, settings: OutboxSettings) -> None:
    """Everything that is in the outbox is sent."""
    outbox = Outbox(
        settings, writer.store, writer.dispatcher, {"text": provider}, time.time, random.Random(1), lambda message: ""
    )
    open_before = len(await writer.store.outbox_open())
    sending = asyncio.create_task(outbox.run())
    await until(lambda: outbox.open > 0 or not open_before, DEADLINE)
    await until(lambda: outbox.open == 0, DEADLINE)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


def _wrong(taken: list[str], count: int) -> int:
    return (count - len(set(taken))) + (len(taken) - len(set(taken)))


def main() -> int:
    options = read_options("Measure the outbox.", ["rate", "killed"])
    report = Report("Outbox", options.quick)
    for _ in range(options.repeat):
        for name, measurement in (("rate", rate), ("killed", killed)):
            if name in (options.only or (name,)):
                run(measurement(options, report))
    return report.finish(options.out)


if __name__ == "__main__":
    raise SystemExit(main())
