"""What comes in at the busiest: 500 texts a second, then 50 emails a second, each from somebody else, until it is
offered on a handler's screen. ``python tests/bench/ingest.py [texts|emails] [--quick] [--rate R] [--seconds N]``

The real application, its database synced to disk with every commit, and a real Dovecot, whose mail is delivered by
LMTP from a process of its own. What the figures run from and to stands in docs/performance.md.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from gateway.sandbox.dovecot import LOOPBACK, Dovecot
from tests.bench.lib import Options, Report, read_options, run
from tests.bench.load import proc
from tests.bench.load.site import site
from tests.bench.texts import HANDLERS, Tally, desk_of, people, read, texts, until, watch

TEXTS_A_SECOND, EMAILS_A_SECOND, SECONDS, TARGET_MS = 500, 50, 20, 200.0
ADDRESS, PASSWORD = "contact@police.example", "open sesame"
# Says when it began to hand over each mail, and whether it was late in that; monotonic time is the same for all.
DELIVER = """
import smtplib, sys, time
socket, address, count, rate = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
body = "A car is parked across my drive again, please ask its owner to move it. " * 10
with smtplib.LMTP(socket) as lmtp:
    began = time.monotonic()
    for n in range(count):
        time.sleep(max(0.0, began + n / rate - time.monotonic()))
        sender = f"p{n}@public.example"
        print(sender, time.monotonic(), flush=True)
        head = f"From: {sender}\\r\\nTo: {address}\\r\\nSubject: Parked\\r\\nMessage-ID: <{n}@public.example>"
        lmtp.sendmail(sender, [address], head + "\\r\\n\\r\\n" + body)
print("done", time.monotonic() - began, flush=True)
"""


async def emails(options: Options, report: Report) -> None:
    rate = options.rate or EMAILS_A_SECOND
    count, tally = int(rate * (options.seconds or options.size(SECONDS, 3))), Tally()
    with TemporaryDirectory(prefix="ingest") as folder:
        async with Dovecot(Path(folder), {ADDRESS: PASSWORD}) as dovecot:
            overlay = _overlay(dovecot)
            async with site(handlers=people(count), overlay=overlay) as here, AsyncExitStack() as stack:
                desks = [await desk_of(here, stack, f"h{n}") for n in range(HANDLERS)]
                administrator = await stack.enter_async_context(here.client())
                everything = await stack.enter_async_context(administrator.live())
                async with asyncio.TaskGroup() as tasks:
                    screens = [tasks.create_task(watch(desk, tally)) for desk in desks]
                    screens.append(tasks.create_task(read(everything, tally)))
                    await here.gateway.status("reset")
                    used = proc.cpu_seconds(here.gateway.pid)
                    took = await _deliver_all(dovecot, count, rate, tally)
                    await until(lambda: len(tally.waits()) >= count)
                    used = proc.cpu_seconds(here.gateway.pid) - used
                    status = await here.gateway.status()
                    for screen in screens:
                        screen.cancel()
    report.spread("email handed to the mail server to its offer", tally.waits(), "ms", target=TARGET_MS)
    report.value(f"emails not offered of {count}", count - len(tally.waits()), "emails", target=0)
    report.value("gateway's event loop late, p99", status["lag"]["p99"], "ms")
    report.value("emails a second", count / took, "emails/s")
    report.value("CPU of the gateway for each email", 1000 * used / count, "ms")


def _overlay(dovecot: Dovecot) -> dict[str, Any]:
    """No acknowledgements: no mail leaves."""
    names = ("general", "texts", "emails")
    queues = [{"id": name, "name": name, "target_seconds": 300, "acknowledgement": ""} for name in names]
    imap = {"host": LOOPBACK, "port": dovecot.imap_port, "security": "none", "user": ADDRESS, "password": PASSWORD}
    mailbox = {
        "id": "box",
        "address": ADDRESS,
        "display_name": "Police",
        "queue": "emails",
        "imap": imap,
        "smtp": {"host": LOOPBACK, "port": 9, "security": "none"},
    }
    email = {"enabled": True, "mailboxes": [mailbox], "reference_secret": "references"}
    return {"email": email, "queues": queues, "routing": {"text_offer_seconds": 600, "email_offer_seconds": 600}}


async def _deliver_all(dovecot: Dovecot, count: int, rate: float, tally: Tally) -> float:
    socket = str(dovecot.home / "run" / "lmtp")
    command = [sys.executable, "-c", DELIVER, socket, ADDRESS, str(count), str(rate)]
    courier = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert courier.stdout
    async for line in courier.stdout:
        what, at = line.decode().split()
        if what == "done":
            await courier.wait()
            return float(at)
        tally.posted[what] = float(at)
    raise RuntimeError("the mail could not be delivered")


def main() -> int:
    options = read_options("Measure how much can come in.", ["texts", "emails"])
    report = Report("Ingest", options.quick)
    for _ in range(options.repeat):
        if "texts" in (options.only or ("texts",)):
            faster = replace(options, rate=options.rate or TEXTS_A_SECOND, seconds=options.seconds or SECONDS)
            run(texts(replace(faster, seconds=3) if options.quick else faster, report, TARGET_MS))
        if "emails" in (options.only or ("emails",)):
            run(emails(options, report))
    return report.finish(options.out)


if __name__ == "__main__":
    raise SystemExit(main())
