"""A gateway's death costs no call: its processes go on, are picked up again, or carry out their plan."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from channels.voice.call import NoSlot
from channels.voice.messages import (
    Bridge,
    Dial,
    End,
    FallbackStarted,
    FallbackTarget,
    Plan,
    mesh,
)
from channels.voice.slot import read_occupant, slots_dir
from tests.channels.voice.calls import next_leg, waiting_caller
from tests.channels.voice.conftest import Site
from tests.channels.voice.raw_sip import HOST, Dialog, Phone, until


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
    await until(lambda: output(site).read_text().count(word) >= times, 60, word)


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
