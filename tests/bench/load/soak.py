"""Twenty thousand short calls of every kind: is one caller lost, and is anything left behind?"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.bench.lib import Options, Report
from tests.bench.load import proc
from tests.bench.load.backlog import Backlog
from tests.bench.load.costs import Costs
from tests.bench.load.desks import Desks, desks, staff
from tests.bench.load.ledger import Ledger
from tests.bench.load.peers import PEOPLE, SelfWillingPhone, sdp
from tests.bench.load.site import Site, site
from tests.bench.load.turnover import State, settled, stay_registered
from tests.channels.voice.edge_peers import HOST, Message, Peer

HANDLERS = 12
WARM_UP_CALLS = 40
SLOTS_FOR_EACH_CALL_A_SECOND = 8  # with fewer the machine's own pauses use them up, and callers go to the overflow
FORGOTTEN = 1000
LAST = 10
FIVE = "Signal=5\r\nDuration=160\r\n"
ANSWER_SECONDS = 10.0
TALK_SECONDS, PATIENCE_SECONDS, HURRY_SECONDS = 0.5, 2.5, 0.1
FINAL = ("200", "408", "480", "486", "487", "500", "503")
# In a hundred calls: who leaves before the answer, who leaves in the greeting, emergencies; the others wait for a
# handler, talk, and are hung up on or hang up.
CANCELS, HURRIES, EMERGENCIES = 4, 20, 4


class Handlers(SelfWillingPhone):
    """Every handler's telephone: of seven calls one is declined, and three are ended by the handler."""

    declined = ended = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = Message(data, time.monotonic())
        if message.what == "INVITE" and self.calls % 7 == 6:
            self.calls, self.declined = self.calls + 1, self.declined + 1
            self.reply(message, 486)
            return
        if message.header("CSeq").endswith("BYE") and message.what != "BYE":
            return  # the answer to ours; whoever registers this phone must not take it for theirs
        super().datagram_received(data, addr)
        if message.what == "INVITE" and self.calls % 7 in (1, 3, 5):
            asyncio.get_running_loop().call_later(TALK_SECONDS, self._hang_up, message)

        if self._taken >= FORGOTTEN:  # a day's calls are not kept
            del self.received[:FORGOTTEN]
            self._taken -= FORGOTTEN

    def _hang_up(self, invite: Message) -> None:
        """BYE of the called side: the caller's tags and the way back are turned round."""
        self.ended += 1
        self.request(
            "BYE",
            invite.contact_uri,
            to=invite.header("From"),
            sender=invite.header("To").strip("<>"),
            from_tag="t",
            call_id=invite.header("Call-ID"),
            headers=tuple(f"Route: {route}" for route in invite.all("Record-Route")),
        )


class Caller(Peer):
    """Takes a BYE at any moment; ``released`` is set then."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.released = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = Message(data, time.monotonic())
        if message.what == "BYE":
            self.reply(message, 200)
            self.released.set()
        super().datagram_received(data, addr)


@dataclass(slots=True)
class Tally:
    """``calls``: the Call-IDs of those who were answered; ``cancelled``: of those who left before; ``lost``: why.

    ``answered`` is in ms from the INVITE; ``memory``: the gateway's in MB, ``costs``: all so far, after each tenth.
    """

    calls: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    answered: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    costs: list[Costs] = field(default_factory=list)


async def soak(options: Options, report: Report) -> None:
    """20,000 calls at 20 a second."""
    count, rate = options.calls or options.size(20_000, 100), options.rate or 20.0
    slots, tally = int(SLOTS_FOR_EACH_CALL_A_SECOND * rate), Tally()
    async with site(slots=slots, handlers=staff(HANDLERS)) as here, AsyncExitStack() as stack:
        phone, room = await _phones(here, stack)
        # What is loaded once, and pools that fill, are no leak.
        await _shift(here, phone, _calls(here, WARM_UP_CALLS, rate, Tally()))
        await Backlog.worked_off(here)
        before, spent = await _settled_or_not(here), Costs.take(here)
        desk = await _shift(here, phone, _watched(here, count, rate, tally))
        backlog = await Backlog.worked_off(here)
        after, costs = await _settled_or_not(here), Costs.take(here).since(spent)
        ledger = await Ledger.read(here.store(), tally.calls, tally.cancelled)
        complaints = here.complaints()
        ports = proc.udp_ports(here.sip_ports) - slots
    _report_calls(report, count, tally, phone, room, desk)
    ledger.report(report)
    backlog.report(report)
    costs.report(report, count)
    _report_growth(report, count, tally.costs)
    for what, times in complaints.items():
        print(f"  the gateway's log, {times} times: {what}")
    report.value("errors in the gateway's log", complaints.total(), "lines")
    _report_leaks(report, before, after, tally.memory, ports)


async def _shift(here: Site, phone: Handlers, calls: Coroutine[Any, Any, None]) -> Desks:
    """The calls, while handlers are at their desks; they go home, and their connections with them, when all is done."""
    async with desks(here, HANDLERS) as desk, asyncio.TaskGroup() as background:
        helpers = [
            background.create_task(stay_registered(here, phone, HANDLERS)),
            background.create_task(desk.work()),
        ]
        await calls
        await _settled_or_not(here)
        for helper in helpers:
            helper.cancel()
    return desk


async def _phones(here: Site, stack: AsyncExitStack) -> tuple[Handlers, SelfWillingPhone]:
    uri = here.settings.control_room.targets[0].uri
    phone = await Handlers.open(here.settings.edge.port)
    room = await SelfWillingPhone.open(here.settings.edge.port, int(uri.rpartition(":")[2]))
    for one in (phone, room):
        one.rtp_port = here.sink
        stack.callback(one.close)
    return phone, room


async def _watched(here: Site, count: int, rate: float, tally: Tally) -> None:
    """Takes note of the gateway's memory and of all costs after each tenth of the calls."""
    tally.costs.append(Costs.take(here))
    for tenth in range(10):
        await _calls(here, count * (tenth + 1) // 10 - count * tenth // 10, rate, tally)
        tally.memory.append(proc.rss_megabytes(here.gateway.pid))
        tally.costs.append(Costs.take(here))
        print(f"  {10 * (tenth + 1)} %: {tally.memory[-1]:.1f} MB, lost {tally.lost.total()}", flush=True)


async def _calls(here: Site, count: int, rate: float, tally: Tally) -> None:
    due = time.monotonic()
    async with asyncio.TaskGroup() as calls:
        for _ in range(count):
            calls.create_task(_guarded(here, tally))
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _guarded(here: Site, tally: Tally) -> None:
    peer = await Caller.open(here.settings.edge.port)
    try:
        tally.ends[await _one_call(here, peer, next(_NUMBERS) % 100, tally)] += 1
    except TimeoutError as error:
        tally.lost[str(error)[:200]] += 1
    finally:
        peer.close()


_NUMBERS = itertools.count()


async def _one_call(here: Site, peer: Caller, number: int, tally: Tally) -> str:
    """How it ended, in words; TimeoutError when somebody did not answer who should."""
    uri, branch, invited_at = f"sip:101@{HOST}:{here.settings.edge.port}", secrets.token_hex(8), time.monotonic()
    sender = f"sip:+447{next(PEOPLE)}@trunk.example"
    call_id = peer.request("INVITE", uri, sender=sender, body=sdp(here.sink), branch=branch, cseq=1)
    if number % 25 == 0 and number < 25 * CANCELS:
        await peer.get("180", "200", within=ANSWER_SECONDS)
        peer.request("CANCEL", uri, sender=sender, call_id=call_id, branch=branch, cseq=1)
    final = await _final(peer)
    if final.what == "487":
        to = final.header("To")
        peer.request("ACK", uri, to=to, sender=sender, call_id=call_id, branch=branch, cseq=1)
        tally.cancelled.append(call_id)
        return "left before the answer"
    if final.what != "200":
        raise TimeoutError(f"answered {final.first_line}")
    tally.calls.append(call_id)
    tally.answered.append(1000 * (final.at - invited_at))
    peer.in_dialog("ACK", final)
    return await _answered(peer, final, number)


async def _final(peer: Peer) -> Message:
    """The INVITE's; a 200 may be the CANCEL's."""
    while True:
        final = await peer.get(*FINAL, within=ANSWER_SECONDS)
        if final.header("CSeq").endswith("INVITE"):
            return final


async def _answered(peer: Caller, answer: Message, number: int) -> str:
    if number % 25 == 1 and number < 25 * EMERGENCIES:
        for pressed in (0, 1):
            peer.in_dialog("INFO", answer, body=FIVE, content_type="application/dtmf-relay", number=pressed)
            await asyncio.sleep(TALK_SECONDS + pressed * PATIENCE_SECONDS)
        end = "pressed 55"
    elif number % 5 == 2 and number < 5 * HURRIES:
        await asyncio.sleep(HURRY_SECONDS)
        end = "left in the greeting"
    else:
        end = "waited or talked, and left"
        with suppress(TimeoutError):
            await asyncio.wait_for(peer.released.wait(), PATIENCE_SECONDS)
    if peer.released.is_set():
        return "released by the handler"
    await _hang_up(peer, answer)
    return end


async def _hang_up(peer: Caller, answer: Message) -> None:
    """Both may hang up in the same moment: then there is no call to end any more."""
    peer.in_dialog("BYE", answer, number=LAST)
    while not (await peer.get("200", "481", within=ANSWER_SECONDS)).header("CSeq").endswith("BYE"):
        continue


async def _settled_or_not(here: Site) -> State:
    """What has not settled by the deadline is a figure."""
    try:
        return await settled(here)
    except TimeoutError:
        return await State.take(here)


def _report_calls(
    report: Report, count: int, tally: Tally, phone: Handlers, room: SelfWillingPhone, desk: Desks
) -> None:
    for why, times in tally.lost.items():
        print(f"  lost, {times} times: {why}")
    for end, times in sorted(tally.ends.items()):
        report.value(f"calls: {end}", times, "calls")
    report.value(f"callers lost of {count}", count - tally.ends.total(), "calls", target=0)
    report.value("handlers' phones rung", phone.calls, "times")
    report.value("handlers' phones declined", phone.declined, "times")
    report.value("handlers hung up", phone.ended, "times")
    report.value("control room rung", room.calls, "times")
    report.value("contacts looked at afterwards", desk.reviews, "contacts")
    report.value("wrap-ups refused because the contact had gone on", desk.refused, "times")
    report.spread("INVITE to 200 under this load", tally.answered, "ms")


def _report_growth(report: Report, count: int, costs: list[Costs]) -> None:
    """Whether a call costs more once many have been."""
    for tenth in (1, 5, 10):
        spent = costs[tenth].since(costs[tenth - 1])
        report.value(
            f"CPU of a call in the gateway, tenth {tenth} of the calls",
            1000 * spent.parts["gateway"] / (count / 10),
            "ms",
        )


def _report_leaks(report: Report, before: State, after: State, memory: list[float], ports: int) -> None:
    report.value("contacts still open", after.contacts, "contacts", target=0)
    report.value("call processes more, dead ones too", after.processes - before.processes, "processes", target=0)
    report.value("SIP ports of call processes more than slots", ports, "ports", target=0)
    report.value("files more open in the gateway", after.files - before.files, "files", target=0)
    report.value("tasks more in the gateway", after.tasks - before.tasks, "tasks", target=0)
    report.value("Python objects more in the gateway", after.objects - before.objects, "objects")
    report.value("memory of the gateway before (RSS)", before.memory, "MB")
    for tenth in (1, 5, 10):
        report.value(f"memory of the gateway at {10 * tenth} % (RSS)", memory[tenth - 1], "MB")
