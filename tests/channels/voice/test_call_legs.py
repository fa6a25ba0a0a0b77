"""Several legs of one call, through a real call process: who hears whom, whom it dials, and lines that die."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from channels.voice.call import CommandRefused
from channels.voice.messages import Bridge, Dial, Drop, MediaBack, MediaLost, Play, Rename, SendDigits, mesh
from tests.channels.voice.calls import answered, next_leg, next_of, with_handler
from tests.channels.voice.conftest import Site
from tests.channels.voice.raw_sip import HOST, Phone, until


async def test_bridged_legs_hear_each_other_and_nobody_else(site: Site, phone: Phone) -> None:
    call, caller, handler = await with_handler(site, phone)

    await call.do(Bridge(mesh("caller", "handler")))
    await until(lambda: caller.hears(700) and handler.hears(440))

    await call.do(Bridge(()))
    await until(lambda: not caller.hears(700) and not handler.hears(440))


async def test_three_legs_talk_and_two_go_on_when_one_leaves(site: Site, phone: Phone) -> None:
    call, caller, handler = await with_handler(site, phone)
    phone.hertz = 1900
    await call.do(Dial("third", f"sip:control-room@{HOST}", 10))
    await next_leg(call, "third", "answered")
    third = [*phone.dialogs.values()][-1]

    await call.do(Bridge(mesh("caller", "handler", "third")))
    await until(lambda: caller.hears(700) and caller.hears(1900))
    await until(lambda: third.hears(440) and third.hears(700))
    handler.bye()
    await next_leg(call, "handler", "ended")

    await until(lambda: caller.hears(1900) and third.hears(440) and not caller.hears(700))


async def test_a_third_party_becomes_the_handler_and_the_sound_goes_on(site: Site, phone: Phone) -> None:
    call, caller, handler = await with_handler(site, phone)
    phone.hertz = 1900
    await call.do(Dial("third", f"sip:control-room@{HOST}", 10))
    await next_leg(call, "third", "answered")
    third = [*phone.dialogs.values()][-1]
    await call.do(Bridge(mesh("caller", "third")))
    await until(lambda: caller.hears(1900))
    with pytest.raises(CommandRefused, match="handler already"):
        await call.do(Rename("third", "handler"))
    await call.do(Drop("handler"))

    await call.do(Rename("third", "handler"))

    await until(lambda: caller.hears(1900) and third.hears(440))
    await until(lambda: handler.ended)
    third.bye()
    assert (await next_leg(call, "handler", "ended")).leg == "handler"


async def test_a_handler_dialled_again_under_the_same_name_does_not_inherit_the_bridge(
    site: Site, phone: Phone
) -> None:
    call, caller, handler = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))
    await until(lambda: caller.hears(700))
    await call.do(Drop("handler"))
    await until(lambda: handler.ended)

    phone.hertz = 1900
    await call.do(Dial("handler", f"sip:bob@{HOST}", 10))
    await next_leg(call, "handler", "answered")
    second = [*phone.dialogs.values()][-1]
    await until(lambda: second.frames > 30)

    assert not caller.hears(1900) and not second.hears(440)


async def test_the_bridge_survives_a_move_of_the_media(site: Site, phone: Phone) -> None:
    call, caller, handler = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))
    await until(lambda: caller.hears(700))

    await handler.reinvite()

    await until(lambda: handler.codes[-1:] == [200])
    await until(lambda: handler.hears(440))
    caller.heard.clear()
    await until(lambda: caller.hears(700))


async def test_the_dialled_side_sees_the_given_identity_and_headers_through_the_edge(site: Site, phone: Phone) -> None:
    call, _ = await answered(site, phone)

    await call.do(Dial("handler", "sip:anna@example.org", 5, '"Queue" <sip:999@gw.example>', (("X-Contact", "C-1"),)))

    await until(lambda: phone.requests("INVITE"))
    invite = phone.requests("INVITE")[0]
    assert invite.start == "INVITE sip:anna@example.org SIP/2.0"
    assert '"Queue" <sip:999@gw.example>' in invite.get("from")
    assert invite.get("x-contact") == "C-1"


@pytest.mark.parametrize(
    "dial",
    [
        Dial("handler", "sip:a@b\r\nX-Evil: 1", 5),
        Dial("handler", "tel:999", 5),
        Dial("handler", "sip:a@b", 5, "sip:x@y\r\nX-Evil: 1"),
        Dial("handler", "sip:a@b", 5, "", (("X-Good", "a\r\nX-Evil: 1"),)),
    ],
)
async def test_what_would_break_the_message_is_never_dialled(site: Site, phone: Phone, dial: Dial) -> None:
    call, _ = await answered(site, phone)

    with pytest.raises(CommandRefused):
        await call.do(dial)

    assert phone.requests("INVITE") == []


async def test_a_busy_phone_fails_at_once_with_its_code(site: Site, phone: Phone) -> None:
    call, _ = await answered(site, phone)
    phone.on_invite = lambda dialog: phone.respond(dialog, 486)

    began = time.monotonic()
    await call.do(Dial("handler", f"sip:anna@{HOST}", 10))
    event = await next_leg(call, "handler", "failed")

    assert event.code == 486
    assert time.monotonic() - began < 0.5


async def test_a_phone_that_rings_too_long_is_given_up_and_stops_ringing(site: Site, phone: Phone) -> None:
    call, _ = await answered(site, phone)
    phone.on_invite = lambda dialog: phone.respond(dialog, 180)

    await call.do(Dial("handler", f"sip:anna@{HOST}", 0.5))
    await next_leg(call, "handler", "ringing")

    assert (await next_leg(call, "handler", "failed")).code == 408
    await until(lambda: phone.requests("CANCEL"))


async def test_a_phone_that_gives_no_sign_is_unreachable_after_three_seconds(site: Site, phone: Phone) -> None:
    call, _ = await answered(site, phone)
    phone.on_invite = lambda dialog: phone.respond(dialog, 100)

    began = time.monotonic()
    await call.do(Dial("handler", f"sip:anna@{HOST}", 20))
    event = await next_leg(call, "handler", "failed")

    assert (event.code, event.reason) == (408, "unreachable")
    assert 2.9 < time.monotonic() - began < 3.5


async def test_a_dial_that_cannot_be_sent_fails_as_a_leg_and_the_caller_stays(
    site: Site, phone: Phone, music: Path
) -> None:
    call, caller = await answered(site, phone)

    await call.do(Dial("handler", "sip:anna@[broken", 5))

    assert (await next_leg(call, "handler", "failed")).code == 500
    await call.do(Play("music", (str(music),), loop=True))
    await until(lambda: caller.hears(1000))


async def test_digits_can_be_sent_to_a_leg(site: Site, phone: Phone) -> None:
    call, _, handler = await with_handler(site, phone)
    await call.do(SendDigits("handler", "5"))
    with pytest.raises(CommandRefused):
        await call.do(SendDigits("handler", "x"))
    await call.do(Drop("handler"))
    await until(lambda: handler.ended)


async def test_a_line_that_breaks_is_noticed_and_so_is_its_return(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)

    caller.muted = True
    assert await next_of(call, MediaLost) == MediaLost("caller")

    caller.muted = False
    assert await next_of(call, MediaBack) == MediaBack("caller")


async def test_a_phone_that_rang_for_long_has_its_time_to_send_sound_from_when_it_answers(
    site: Site, phone: Phone
) -> None:
    """Its first packet takes a moment; whoever is taken for dead in that moment loses the caller."""
    call, _ = await answered(site, phone)
    phone.on_invite = lambda dialog: phone.respond(dialog, 180)
    await call.do(Dial("handler", f"sip:anna@{HOST}", 10))
    await next_leg(call, "handler", "ringing")
    rung_at, lost_after = time.monotonic(), 2.0  # media_lost_seconds of this site
    await until(lambda: time.monotonic() > rung_at + lost_after + 0.5)

    handler = [*phone.dialogs.values()][-1]
    handler.muted = True
    phone.answer(handler)

    await next_leg(call, "handler", "answered")
    answered_at = time.monotonic()
    assert await next_of(call, MediaLost) == MediaLost("handler")
    assert time.monotonic() - answered_at > lost_after - 0.2


@pytest.mark.parametrize(
    ("sound_host", "asked_by"), [(HOST, "INVITE"), ("127.0.0.2", "OPTIONS")], ids=["by a media relay", "directly"]
)
async def test_a_line_whose_peer_has_forgotten_the_call_is_over(
    site: Site, phone: Phone, sound_host: str, asked_by: str
) -> None:
    phone.sound_host = sound_host
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)

    caller.still_there, caller.muted = False, True

    ended = await next_leg(call, "caller", "ended")
    assert ended.code == 481
    assert phone.requests(asked_by)
