"""Slots are always filled, a crash costs one call, and a gateway's death costs none."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from channels.voice.call import Call, CallGone, CommandRefused, NoSlot, NotAcknowledged
from channels.voice.messages import (
    Answer,
    Bridge,
    Dial,
    Drop,
    End,
    FallbackStarted,
    FallbackTarget,
    LegChanged,
    Plan,
    Play,
    Remember,
    mesh,
)
from channels.voice.slot import Occupant, read_occupant, slots_dir, socket_path, write_occupant
from tests.channels.voice.conftest import Site
from tests.channels.voice.raw_sip import HOST, Dialog, Phone, until


async def next_leg(call: Call, leg: str, state: str, deadline: float = 5.0) -> LegChanged:
    while True:
        event = await call.next(deadline)
        if isinstance(event, LegChanged) and (event.leg, event.state) == (leg, state):
            return event


async def waiting_caller(site: Site, phone: Phone, music: Path) -> tuple[Call, Dialog]:
    """An answered caller who hears music, and a story that was remembered."""
    caller = await phone.call(min(site.board.open))
    call = await site.calls.get()
    await call.do(Answer())
    await call.do(Play("music", (str(music),), loop=True))
    call.post(Remember({"stage": "queued"}))
    await until(lambda: caller.hears(1000))
    return call, caller


def pss_megabytes(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


# --- filling the slots --------------------------------------------------------------------------------


async def test_every_slot_is_filled_and_opened_at_the_edge_when_ready(site: Site) -> None:
    assert site.board.open == {site.port(0), site.port(1)}
    assert len(site.pids()) == 2
    assert site.pool.healthy() == ""
    stats = site.pool.stats()
    assert (stats.slots, stats.idle, stats.busy, stats.starting) == (2, 2, 0, 0)


async def test_a_process_serves_one_call_and_a_successor_takes_the_slot(site: Site, phone: Phone) -> None:
    before = site.pids()
    caller = await phone.call(site.port())
    call = await site.calls.get()
    assert site.pool.stats().busy == 1
    site.board.open.discard(site.port())  # the edge closes a slot when it selects it

    caller.cancel()
    await call.do(End())

    await call.finished()
    await until(lambda: site.port() in site.board.open)
    assert call.pid in before and call.pid not in site.pids() and len(site.pids()) == 2


async def test_a_process_that_dies_idle_is_replaced(site: Site) -> None:
    victim = read_occupant(slots_dir(site.run_dir) / "0.pid")
    assert victim is not None

    os.kill(victim.pid, signal.SIGKILL)

    await until(lambda: len(site.pids()) == 2 and victim.pid not in site.pids())
    await until(lambda: site.board.open == {site.port(0), site.port(1)})


async def test_a_slot_that_cannot_start_backs_off_says_so_and_recovers(directory: Path, phone: Phone) -> None:
    async with Site(directory, phone.port, slots=1) as site:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
            squatter.bind((HOST, site.port()))
            await site.start()
            await until(lambda: "does not start" in site.pool.healthy())
            assert site.board.open == set() and site.pool.stats().starting == 1
        await site.ready()
        assert site.pool.healthy() == ""


async def test_a_slot_file_of_a_recycled_process_number_is_not_believed(directory: Path, phone: Phone) -> None:
    async with Site(directory, phone.port, slots=1) as site:
        slots_dir(site.run_dir).mkdir(parents=True)
        write_occupant(slots_dir(site.run_dir) / "0.pid", Occupant(os.getpid(), started=1))

        await site.start()
        await site.ready()

        occupant = read_occupant(slots_dir(site.run_dir) / "0.pid")
        assert occupant is not None and occupant.pid != os.getpid()


async def test_fifty_short_calls_leave_nothing_behind(directory: Path, phone: Phone) -> None:
    async with Site(directory, phone.port, slots=10) as site:
        await site.start()
        await site.ready()
        files = open_files()

        for _ in range(5):
            await asyncio.gather(*(one_short_call(site, phone, slot) for slot in range(10)))
            await site.ready()

        assert len(site.pids()) == 10
        assert abs(open_files() - files) <= 2
        await site.stop()
        assert site.pids() == set()
        assert [*slots_dir(site.run_dir).glob("*.pid")] == []


async def one_short_call(site: Site, phone: Phone, slot: int) -> None:
    site.board.open.discard(site.port(slot))
    caller = await phone.call(site.port(slot))
    call = await site.calls.get()
    await call.do(Answer())
    await call.do(End())
    await call.finished()
    await caller.close_rtp()


async def test_a_call_process_is_small(directory: Path, phone: Phone, music: Path) -> None:
    async with Site(directory, phone.port, slots=8) as site:
        await site.start()
        await site.ready()

        call, _ = await waiting_caller(site, phone, music)

        assert pss_megabytes(call.pid) <= 12
        await call.do(End())


# --- crashes ------------------------------------------------------------------------------------------


async def test_a_killed_process_ends_its_call_only_and_its_parties_are_released(
    site: Site, phone: Phone, music: Path
) -> None:
    other, other_caller = await waiting_caller(site, phone, music)
    site.board.open.discard(other.port)
    call, caller = await waiting_caller(site, phone, music)
    phone.on_invite = phone.answer
    await call.do(Dial("handler", f"sip:anna@{HOST}", 5))
    handler = await next_leg(call, "handler", "answered")

    call.signal(signal.SIGKILL)

    with pytest.raises(CallGone):
        while await call.next(5):
            pass
    with pytest.raises(CallGone):
        await call.do(Answer())
    await until(lambda: len(site.board.released) == 2)
    assert {released[0] for released in site.board.released} == {caller.call_id, handler.call_id}
    assert (handler.call_id, handler.local_tag, handler.remote_tag) in site.board.released
    await until(lambda: len(site.pids()) == 2 and call.pid not in site.pids())
    other_caller.heard.clear()
    await until(lambda: other_caller.hears(1000))
    await other.do(End())


async def test_a_failing_story_leaves_the_caller_to_the_fallback_plan(
    directory: Path, phone: Phone, music: Path
) -> None:
    async with Site(directory, phone.port) as site:
        phone.on_invite = phone.answer

        async def failing(call: Call) -> None:
            await call.do(Plan(30, (FallbackTarget(f"sip:control-room@{HOST}", 5),)))
            await call.do(Answer())
            raise RuntimeError("a mistake in the story")

        site.on_call = failing  # type: ignore[method-assign]
        await site.start()
        await site.ready()

        caller = await phone.call(site.port())

        await until(lambda: caller.hears(700))
        assert site.pool.stats().left_alone == 1
        assert "fallback plan" in site.pool.healthy()
        caller.bye()
        await until(lambda: site.pool.stats().left_alone == 0)


async def test_a_caller_who_hangs_up_before_anybody_took_charge_is_no_failure(directory: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind((HOST, 0))
        caller.settimeout(3)
        ours = caller.getsockname()[1]
        async with Site(directory, ours) as site:
            await site.start()
            await site.ready()
            # given a caller who rings and hangs up while the gateway is too slow to notice either
            port, before = site.port(), site.pids()
            for method, last in (("INVITE", b"SIP/2.0 180"), ("CANCEL", b"SIP/2.0 487")):
                caller.sendto(_bare_request(method, ours, port), (HOST, port))
                while not caller.recv(4000).startswith(last):
                    continue

            # then no call is left to its fallback plan meanwhile, and the slot has a fresh process
            left_alone: set[int] = set()

            def refilled() -> bool:
                left_alone.add(site.pool.stats().left_alone)
                return len(site.pids()) == len(before) and site.pids() != before

            await until(refilled, 10)
            assert left_alone == {0}
            assert site.calls.empty()


def _bare_request(method: str, ours: int, port: int) -> bytes:
    lines = (
        f"{method} sip:101@{HOST}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {HOST}:{ours};branch=z9hG4bKgone",
        "Max-Forwards: 70",
        f"From: <sip:c@{HOST}:{ours}>;tag=a",
        f"To: <sip:101@{HOST}:{port}>",
        "Call-ID: gone-at-once",
        f"CSeq: 1 {method}",
        f"Contact: <sip:c@{HOST}:{ours}>",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


async def test_a_dead_forkserver_takes_no_call_with_it_and_is_replaced(site: Site, phone: Phone, music: Path) -> None:
    call, caller = await waiting_caller(site, phone, music)
    forkserver = parent_of(call.pid)
    assert forkserver != os.getpid()

    os.kill(forkserver, signal.SIGKILL)

    await until(lambda: parent_of(call.pid) != forkserver)
    caller.heard.clear()
    await until(lambda: caller.hears(1000))
    idle = site.pids() - {call.pid}
    os.kill(idle.pop(), signal.SIGKILL)
    await until(lambda: len(site.pids()) == 2)
    await call.do(End())


@pytest.mark.parametrize("steps", range(4), ids=lambda steps: f"{steps} loop steps before")
@pytest.mark.filterwarnings("error::RuntimeWarning")
async def test_a_process_that_connects_while_the_gateway_stops_does_not_hold_it_up(site: Site, steps: int) -> None:
    with socket.socket(socket.AF_UNIX) as late:
        late.connect(str(socket_path(site.run_dir)))
        for _ in range(steps):
            await asyncio.sleep(0)

        async with asyncio.timeout(3):
            await site.stop()


async def test_an_interrupt_at_the_gateways_terminal_does_not_reach_a_call(
    site: Site, phone: Phone, music: Path
) -> None:
    call, caller = await waiting_caller(site, phone, music)
    assert os.getsid(call.pid) == call.pid

    os.kill(call.pid, signal.SIGINT)

    caller.heard.clear()
    await until(lambda: caller.hears(1000))
    await call.do(End())


# --- our own calls ------------------------------------------------------------------------------------


async def test_an_outbound_call_takes_an_idle_process_and_bridges_two_people(site: Site, phone: Phone) -> None:
    phone.on_invite = phone.answer
    call = await site.pool.outbound()
    assert call.port not in site.board.open and call.arrived is None

    for leg, hertz in (("caller", 440), ("handler", 700)):
        phone.hertz = hertz
        await call.do(Dial(leg, f"sip:{leg}@{HOST}", 5))  # type: ignore[arg-type]
        await next_leg(call, leg, "answered")
    await call.do(Bridge(mesh("caller", "handler")))

    citizen, handler = phone.dialogs.values()
    await until(lambda: citizen.hears(700) and handler.hears(440))
    await call.do(End())
    await until(lambda: citizen.ended and handler.ended)


async def test_a_process_taken_for_an_outbound_call_refuses_callers(site: Site, phone: Phone) -> None:
    call = await site.pool.outbound()

    caller = await phone.call(call.port)

    await until(lambda: caller.codes[-1:] == [503])
    await call.do(End())


async def test_an_outbound_call_evicts_a_stopped_process_and_takes_another(site: Site) -> None:
    stopped = read_occupant(slots_dir(site.run_dir) / "0.pid")
    assert stopped is not None
    os.kill(stopped.pid, signal.SIGSTOP)

    call = await site.pool.outbound()

    assert call.pid != stopped.pid
    await until(lambda: stopped.pid not in site.pids() and len(site.pids()) == 2)
    await call.do(End())


async def test_a_caller_who_comes_in_while_their_slot_is_being_taken_gets_a_story(site: Site, phone: Phone) -> None:
    first = read_occupant(slots_dir(site.run_dir) / "0.pid")
    assert first is not None
    os.kill(first.pid, signal.SIGSTOP)
    caller = await phone.call(site.port(0))
    taking = asyncio.create_task(site.pool.outbound())
    await until(lambda: site.pool.stats().idle == 1)

    os.kill(first.pid, signal.SIGCONT)

    call, ours = await site.calls.get(), await taking
    assert (call.pid, ours.port) == (first.pid, site.port(1))
    assert call.arrived is not None and call.arrived.sip_call_id == caller.call_id
    await call.do(End())
    await ours.do(End())


async def test_with_every_process_taken_there_is_no_slot(site: Site) -> None:
    calls = [await site.pool.outbound(), await site.pool.outbound()]
    with pytest.raises(NoSlot):
        await site.pool.outbound()
    for call in calls:
        await call.do(End())


async def test_of_commands_given_together_one_that_is_refused_does_not_hold_up_the_others(
    site: Site, phone: Phone, music: Path
) -> None:
    caller = await phone.call(min(site.board.open))
    call = await site.calls.get()
    with pytest.raises(CommandRefused, match="there is no handler"):
        await call.do(Answer(), Drop("handler"), Play("music", (str(music),), loop=True))
    await until(lambda: caller.hears(1000))
    await call.do(End())


async def test_a_stopped_process_does_not_hold_up_a_command_beyond_its_deadline(site: Site) -> None:
    call = await site.pool.outbound()
    os.kill(call.pid, signal.SIGSTOP)
    with pytest.raises(NotAcknowledged):
        await call.do(Remember({}), deadline=0.2)
    os.kill(call.pid, signal.SIGCONT)
    await call.do(End())


# --- stops and restarts -------------------------------------------------------------------------------


async def test_a_restarted_gateway_adopts_the_call_with_its_story_and_the_caller_notices_nothing(
    site: Site, phone: Phone, music: Path
) -> None:
    before, caller = await waiting_caller(site, phone, music)
    await site.stop()
    assert site.pids() == {before.pid}
    frames = caller.frames
    await until(lambda: caller.frames > frames + 20)

    await site.start()
    call = await asyncio.wait_for(site.resumed.get(), 5)

    assert call.pid == before.pid and call.snapshot.story == {"stage": "queued"}
    assert call.snapshot.playing == ("music",) and call.arrived == before.arrived
    assert [(leg.name, leg.state) for leg in call.snapshot.legs] == [("caller", "answered")]
    assert caller.hears(1000)
    caller.bye()
    await next_leg(call, "caller", "ended")
    await call.do(End())


@asynccontextmanager
async def lone_gateway(
    site: Site, music: Path, plan: tuple[str, ...] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A gateway in a process of its own whose output goes to a file: its call processes keep a pipe open."""
    script = Path(__file__).with_name("lone_gateway.py")
    settings = site.voice.model_dump_json()
    with output(site).open("wb") as stdout:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(script), settings, str(site.run_dir), site.proxy, str(music)),
            json.dumps(plan),
            stdout=stdout,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def output(site: Site) -> Path:
    site.run_dir.mkdir(exist_ok=True)
    return site.run_dir / "gateway.out"


async def said(site: Site, word: str, times: int = 1) -> None:
    await until(lambda: output(site).read_text().count(word) >= times, 10, word)


async def test_a_killed_gateway_loses_no_caller(directory: Path, phone: Phone, music: Path) -> None:
    async with Site(directory, phone.port) as site:
        async with lone_gateway(site, music) as gateway:
            await said(site, "True", times=2)
            idle = site.pids()
            caller = await phone.call(site.port())
            await said(site, "served")

            gateway.kill()
            await gateway.wait()

        await until(lambda: caller.hears(1000))
        await site.start()
        call = await asyncio.wait_for(site.resumed.get(), 5)
        assert call.snapshot.story == {"stage": "queued", "contact": "C-7"}
        await until(lambda: site.board.open == {site.port(1)})
        assert site.pids() == idle, "the idle process is adopted too"
        caller.heard.clear()
        await until(lambda: caller.hears(1000))
        await call.do(End())
        await until(lambda: caller.ended)


async def test_when_no_gateway_comes_back_the_process_passes_the_caller_on_by_itself(
    directory: Path, phone: Phone, music: Path
) -> None:
    async with Site(directory, phone.port) as site:
        busy, free = f"sip:first@{HOST}", f"sip:second@{HOST}"
        phone.on_invite = lambda dialog: (
            phone.answer(dialog) if "second" in dialog.local else phone.respond(dialog, 486)
        )
        async with lone_gateway(site, music, (busy, free)) as gateway:
            await said(site, "True", times=2)
            caller = await phone.call(site.port())
            await said(site, "served")
            gateway.kill()
            await gateway.wait()

        await until(lambda: caller.hears(700) and not caller.hears(1000), 10)
        control_room = next(d for d in phone.dialogs.values() if "second" in d.local)
        await until(lambda: control_room.hears(440))

        await site.start()
        call = await asyncio.wait_for(site.resumed.get(), 5)
        assert call.snapshot.bridged == mesh("caller", "control_room")
        assert isinstance(await call.next(5), FallbackStarted)
        caller.bye()
        await call.do(End())
        await until(lambda: control_room.ended)


async def test_a_call_that_ends_without_a_gateway_waits_to_tell_the_next_one(
    directory: Path, phone: Phone, music: Path
) -> None:
    async with Site(directory, phone.port) as site:
        async with lone_gateway(site, music) as gateway:
            await said(site, "True", times=2)
            caller = await phone.call(site.port())
            await said(site, "served")
            pid = read_occupant(slots_dir(site.run_dir) / "0.pid")
            gateway.kill()
            await gateway.wait()

        caller.bye()

        # then nobody is on the line, and the process is still there
        assert pid is not None

        def over() -> bool:
            occupant = read_occupant(slots_dir(site.run_dir) / "0.pid")
            return occupant is not None and not occupant.legs

        await until(over)
        os.kill(pid.pid, signal.SIGTERM)
        await until(lambda: pid.pid not in site.pids())


async def test_an_invite_without_a_gateway_is_refused_at_once(directory: Path, phone: Phone, music: Path) -> None:
    async with Site(directory, phone.port) as site:
        async with lone_gateway(site, music) as gateway:
            await said(site, "True", times=2)
            gateway.kill()
            await gateway.wait()

        caller = await phone.call(site.port())

        await until(lambda: caller.codes[-1:] == [503], 1)


async def test_a_stopped_gateway_leaves_no_idle_process_and_closes_the_slots(site: Site) -> None:
    await site.stop()

    assert site.pids() == set()
    assert site.board.open == set()


async def test_drained_it_takes_no_more_calls_and_those_under_way_go_on(site: Site, phone: Phone, music: Path) -> None:
    call, caller = await waiting_caller(site, phone, music)

    await site.pool.drain()

    await until(lambda: site.board.open == set() or site.board.open == {call.port})
    await until(lambda: site.pids() == {call.pid})
    assert caller.hears(1000) and "drained" in site.pool.healthy()
    with pytest.raises(NoSlot):
        await site.pool.outbound()
    await call.do(End())
    await until(lambda: site.pids() == set() and site.pool.stats().busy == 0)


async def test_after_draining_every_slot_has_a_fresh_process(site: Site, phone: Phone, music: Path) -> None:
    before = site.pids()
    call, caller = await waiting_caller(site, phone, music)
    await site.pool.drain()
    await until(lambda: site.pids() == {call.pid})

    site.pool.refill()

    await until(lambda: site.pool.stats().idle == len(before) - 1)
    assert caller.hears(1000) and site.pids() & before == {call.pid}
    await call.do(End())
    await until(lambda: site.pool.stats().idle == len(before) and not site.pids() & before)
    assert site.pool.healthy() == ""


async def test_a_terminated_process_hangs_up_and_exits_in_good_order(site: Site, phone: Phone, music: Path) -> None:
    call, caller = await waiting_caller(site, phone, music)

    call.signal(signal.SIGTERM)

    await until(lambda: caller.ended)
    await call.finished()
    assert site.board.released == []


async def test_events_wait_their_deadline(site: Site) -> None:
    call = await site.pool.outbound()
    with pytest.raises(TimeoutError):
        await call.next(0.05)
    await call.do(End())


async def test_a_caller_who_is_left_with_an_interpreter_alone_is_passed_on_too(
    site: Site, phone: Phone, music: Path
) -> None:
    call, _ = await waiting_caller(site, phone, music)
    await call.do(Plan(0.2, (FallbackTarget(f"sip:control-room@{HOST}", 5),)))
    phone.on_invite = phone.answer
    await call.do(Dial("third", f"sip:interpreter@{HOST}", 5, helps=True))
    await next_leg(call, "third", "answered")
    await call.do(Bridge(mesh("caller", "third")))

    await site.stop()

    def control_room() -> Dialog | None:
        return next((d for d in phone.dialogs.values() if "control-room" in d.local), None)

    await until(lambda: (room := control_room()) is not None and room.hears(440), 10)
    await site.start()
    call = await asyncio.wait_for(site.resumed.get(), 5)
    await call.do(End())
