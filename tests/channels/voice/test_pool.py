"""Slots are always filled, and our own calls take idle processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from channels.voice.call import CommandRefused, NoSlot, NotAcknowledged
from channels.voice.messages import Answer, Bridge, Dial, Drop, End, LegName, Play, Remember, mesh
from channels.voice.slot import Occupant, read_occupant, slots_dir, write_occupant
from tests.channels.voice.calls import next_leg, waiting_caller
from tests.channels.voice.conftest import Site
from tests.channels.voice.raw_sip import HOST, Phone, until


def pss_megabytes(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def threads(pid: int) -> int:
    return len([*Path(f"/proc/{pid}/task").iterdir()])


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


async def test_a_process_whose_call_is_over_rests_its_media_stack_before_it_ends(
    site: Site, phone: Phone, music: Path
) -> None:
    call, _ = await waiting_caller(site, phone, music)
    talking = threads(call.pid)

    await call.do(End())

    await until(lambda: threads(call.pid) < talking)
    await call.do(End())  # it is still there to answer


async def test_an_outbound_call_takes_an_idle_process_and_bridges_two_people(site: Site, phone: Phone) -> None:
    phone.on_invite = phone.answer
    call = await site.pool.outbound()
    assert call.port not in site.board.open and call.arrived is None

    legs: tuple[tuple[LegName, int], ...] = (("caller", 440), ("handler", 700))
    for leg, hertz in legs:
        phone.hertz = hertz
        await call.do(Dial(leg, f"sip:{leg}@{HOST}", 5))
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
