"""Calls for the tests of one call process: answered ones, with a handler or without, and what is told of them."""

from __future__ import annotations

from pathlib import Path

from channels.voice.call import Call
from channels.voice.messages import Answer, Dial, Event, LegChanged, LegName, Play, Remember
from channels.voice.recordings import Raw
from tests.channels.voice.conftest import Site
from tests.channels.voice.raw_sip import HOST, Dialog, Phone, until


async def answered(site: Site, phone: Phone) -> tuple[Call, Dialog]:
    """A caller at 440 Hz who has been answered."""
    caller = await phone.call(site.port())
    call = await site.calls.get()
    await call.do(Answer())
    await next_leg(call, "caller", "answered")
    return call, caller


async def with_handler(site: Site, phone: Phone, hertz: float = 700.0) -> tuple[Call, Dialog, Dialog]:
    """An answered caller and a handler who has picked up, not yet bridged."""
    call, caller = await answered(site, phone)
    phone.hertz = hertz
    phone.on_invite = phone.answer
    await call.do(Dial("handler", f"sip:anna@{HOST}", 10))
    await next_leg(call, "handler", "answered")
    return call, caller, [*phone.dialogs.values()][-1]


async def next_leg(call: Call, leg: LegName, state: str, deadline: float = 5.0) -> LegChanged:
    """The next event about this leg and state; others are passed over."""
    while True:
        event = await call.next(deadline)
        if isinstance(event, LegChanged) and (event.leg, event.state) == (leg, state):
            return event


async def next_of(call: Call, kind: type[Event], deadline: float = 5.0) -> Event:
    while not isinstance(event := await call.next(deadline), kind):
        pass
    return event


async def answer_to(phone: Phone, dialog: Dialog, refer_to: str) -> int:
    """The status that a REFER in this call is answered with."""
    dialog.cseq += 1
    phone.request(dialog, "REFER", extra=refer_to)

    def answers() -> list[int]:
        mine = (m for m in phone.received if m.code and m.method == "REFER" and m.get("call-id") == dialog.call_id)
        return [m.code for m in mine if m.get("cseq") == f"{dialog.cseq} REFER"]

    await until(answers)
    return answers()[0]


async def recorded_for(raw: Raw, seconds: float) -> None:
    """Until so much more of both sides is on disk."""
    wanted = raw.caller.stat().st_size + seconds * 16_000
    await until(lambda: min(raw.caller.stat().st_size, raw.police.stat().st_size) >= wanted)


async def waiting_caller(site: Site, phone: Phone, music: Path) -> tuple[Call, Dialog]:
    """An answered caller who hears music, and a story that was remembered."""
    caller = await phone.call(min(site.board.open))
    call = await site.calls.get()
    await call.do(Answer())
    await call.do(Play("music", (str(music),), loop=True))
    call.post(Remember({"stage": "queued"}))
    await until(lambda: caller.hears(1000))
    return call, caller
