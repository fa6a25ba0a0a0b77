"""A thousand short calls through the pool: does one get lost, and is anything left behind?"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from gateway.sandbox.client import Client
from routing.model import Handler
from tests.bench.lib import Options, Report
from tests.bench.load import proc
from tests.bench.load.peers import Dialled, SelfWillingPhone
from tests.bench.load.site import Site, site

SLOTS = 60
HANDLERS = 6  # fewer than the calls need, so that some callers hang up in the queue
CALLS_A_SECOND = 12.0
CALL_SECONDS = 0.8
REGISTER_SECONDS = 25.0
FIRST_EXTENSION = 2001
SETTLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class State:
    """What there is of the gateway between calls; memory in MB."""

    memory: float
    files: int
    tasks: int
    processes: int
    contacts: int
    objects: int = 0

    @classmethod
    async def take(cls, here: Site) -> State:
        status = await here.gateway.status()
        processes = here.processes.call_processes().values()
        spawners = {proc.parent(occupant.pid) for occupant in processes}
        alive = sum(len(proc.children(spawner)) for spawner in spawners)
        pid = here.gateway.pid
        return cls(proc.rss_megabytes(pid), proc.open_files(pid), status["tasks"], alive, status["contacts"])


@dataclass(slots=True)
class Tally:
    """``ringing`` and ``answered`` are in ms from the INVITE."""

    ringing: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)


async def turnover(options: Options, report: Report) -> None:
    """Short calls at a steady rate; some reach a handler, the others hang up in the queue."""
    count, tally = options.size(1000, 60), Tally()
    handlers = [(Handler(f"h{n}", f"H {n}", "fcc", extension=str(FIRST_EXTENSION + n)), None) for n in range(HANDLERS)]
    async with site(slots=SLOTS, handlers=handlers) as here, AsyncExitStack() as stack:
        phone = await SelfWillingPhone.open(here.settings.edge.port)
        stack.callback(phone.close)
        phone.rtp_port = here.sink
        client = await stack.enter_async_context(here.client())
        async with asyncio.TaskGroup() as background:
            helpers = [
                background.create_task(stay_registered(here, phone, HANDLERS)),
                background.create_task(_finish_wrap_ups(client)),
            ]
            await _calls(here, 20, Tally())  # what is loaded once, and pools that fill, are no leak
            before = await settled(here)
            phone.calls = 0
            await _calls(here, count, tally)
            after = await settled(here)
            for helper in helpers:
                helper.cancel()
    _report_calls(report, count, tally, phone.calls)
    _report_leaks(report, before, after)


async def _calls(here: Site, count: int, tally: Tally) -> None:
    async with asyncio.TaskGroup() as calls:
        for _ in range(count):
            calls.create_task(_one_call(here, tally))
            await asyncio.sleep(1 / CALLS_A_SECOND)


async def _one_call(here: Site, tally: Tally) -> None:
    peer = await here.peer()
    try:
        call = await Dialled.start(here, peer, here.sink)
        await asyncio.sleep(CALL_SECONDS)
        await call.hang_up()
    except TimeoutError as error:
        tally.lost[str(error)[:200]] += 1
        return
    finally:
        peer.close()
    if not call.ringing_at:
        tally.lost["no 180"] += 1
        return
    tally.ringing.append(1000 * (call.ringing_at - call.invited_at))
    tally.answered.append(1000 * (call.answered_at - call.invited_at))


async def settled(here: Site) -> State:
    """Once every slot has a fresh process and the last contact is closed."""
    async with asyncio.timeout(SETTLE_SECONDS):
        while not await _is_settled(here):
            await asyncio.sleep(0.1)
    counted = await here.gateway.status("objects")
    return replace(await State.take(here), objects=counted["objects"])


async def _is_settled(here: Site) -> bool:
    status, slots = await here.gateway.status(), here.settings.voice.slots
    return status["idle"] == slots and not status["contacts"] and (await State.take(here)).processes <= slots


async def stay_registered(here: Site, phone: SelfWillingPhone, handlers: int) -> None:
    """One telephone for all handlers."""
    while True:
        for n in range(handlers):
            await here.register(phone, str(FIRST_EXTENSION + n))
        await asyncio.sleep(REGISTER_SECONDS)


async def _finish_wrap_ups(client: Client) -> None:
    """Handlers write up their calls at once."""
    async with client.live() as live:
        while True:
            row = await live.next(SETTLE_SECONDS)
            if row["kind"] == "CallerLeft" and row["handler"]:
                body = {"disposition": "resolved", "handler": row["handler"]}
                await client.post(f"contacts/{row['contact']}/wrap-up", body)


def _report_calls(report: Report, count: int, tally: Tally, rung: int) -> None:
    for why, times in tally.lost.items():
        print(f"  lost, {times} times: {why}")
    report.value(f"calls lost of {count}", tally.lost.total(), "calls", target=0)
    report.value("calls that rang a handler", rung, "calls")
    report.spread("INVITE to 180 under this load", tally.ringing, "ms")
    report.spread("INVITE to 200 under this load", tally.answered, "ms")


def _report_leaks(report: Report, before: State, after: State) -> None:
    report.value(
        "call processes beyond one for each slot, dead ones too", after.processes - SLOTS, "processes", target=0
    )
    report.value("files more open in the gateway", after.files - before.files, "files", target=0)
    report.value("tasks more in the gateway", after.tasks - before.tasks, "tasks", target=0)
    report.value("memory of the gateway before (RSS)", before.memory, "MB")
    report.value("memory of the gateway after (RSS)", after.memory, "MB")
