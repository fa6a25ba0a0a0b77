"""A crash costs one call, and neither a story that fails nor a dead forkserver costs any."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from channels.voice.call import Call, CallGone
from channels.voice.messages import (
    Answer,
    Dial,
    End,
    FallbackTarget,
    Plan,
)
from channels.voice.slot import socket_path
from tests.channels.voice.calls import next_leg, waiting_caller
from tests.channels.voice.conftest import Site
from tests.channels.voice.raw_sip import HOST, Phone, until


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


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
