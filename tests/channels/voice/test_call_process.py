"""One call, through a real call process, with real SIP and RTP on the other side."""

from __future__ import annotations

import hashlib
import signal
import socket
import time
import wave
from dataclasses import replace
from pathlib import Path

import pytest

from channels.voice import recordings
from channels.voice.call import Call, CallGone, CommandRefused
from channels.voice.messages import (
    Answer,
    Bridge,
    Dial,
    Digit,
    Drop,
    End,
    Event,
    LegChanged,
    LegName,
    MediaBack,
    MediaLost,
    Play,
    Played,
    Record,
    Recorded,
    Rename,
    SendDigits,
    StopPlaying,
    StopRecording,
    mesh,
)
from tests.channels.voice.conftest import Site, wav
from tests.channels.voice.raw_sip import HOST, Dialog, Phone, goertzel, until


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


# --- arriving and answering ---------------------------------------------------------------------------


async def test_a_caller_hears_ringing_and_the_gateway_learns_who_calls(site: Site, phone: Phone) -> None:
    caller = await phone.call(site.port(), extra="P-Asserted-Identity: <sip:+441632960001@t>\r\nX-Odd: \xff\r\n")

    call = await site.calls.get()

    await until(lambda: caller.codes == [100, 180])
    assert call.arrived is not None
    assert call.arrived.from_uri == f"sip:+441632960001@{HOST}"
    assert call.arrived.from_name == "Ann Example"
    assert call.arrived.sip_call_id == caller.call_id
    assert ("p-asserted-identity", "<sip:+441632960001@t>") in call.arrived.headers


async def test_who_calls_past_the_edge_is_refused_and_takes_nobody_s_place(site: Site, phone: Phone) -> None:
    async with Phone() as stranger:
        refused = await stranger.call(site.port())
        await until(lambda: refused.codes[-1:] == [403])
    assert site.calls.empty()

    caller = await phone.call(site.port())

    await site.calls.get()
    await until(lambda: caller.codes == [100, 180])


async def test_answering_connects_and_names_the_dialog(site: Site, phone: Phone) -> None:
    caller = await phone.call(site.port())
    call = await site.calls.get()

    await call.do(Answer())
    event = await next_leg(call, "caller", "answered")

    assert caller.codes == [100, 180, 200]
    assert event.call_id == caller.call_id
    assert f"tag={event.local_tag}" in caller.remote
    assert f"tag={event.remote_tag}" in caller.local


async def test_ending_before_the_answer_refuses_the_caller_with_the_code(site: Site, phone: Phone) -> None:
    caller = await phone.call(site.port())
    call = await site.calls.get()

    await call.do(End(486))

    await until(lambda: caller.codes[-1:] == [486])


async def test_a_call_that_no_gateway_begins_is_refused_so_that_the_edge_tries_the_next_slot(
    site: Site, phone: Phone
) -> None:
    await site.stop()  # the gateway has gone; idle processes go with it
    await site.start()
    await until(lambda: site.board.open, 10)
    keeper = site.pool._keepers[0]
    keeper._on_call = lambda call, resumed: None  # a gateway that does not say Begin

    caller = await phone.call(site.port())

    await until(lambda: caller.codes[-1:] == [503], 3)


async def test_a_caller_who_gives_up_while_ringing_is_reported_as_never_answered(site: Site, phone: Phone) -> None:
    caller = await phone.call(site.port())
    call = await site.calls.get()

    caller.cancel()

    assert (await next_leg(call, "caller", "failed")).code == 487


async def test_when_the_caller_hangs_up_the_gateway_is_told_and_ends_the_call(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)

    caller.bye()

    await next_leg(call, "caller", "ended")
    await call.do(End())
    with pytest.raises(CallGone):
        await next_of(call, Played)
    assert call.gone


async def test_a_second_invite_to_a_taken_slot_is_refused_and_the_first_caller_unharmed(
    site: Site, phone: Phone, music: Path
) -> None:
    call, caller = await answered(site, phone)
    await call.do(Play("music", (str(music),), loop=True))

    second = await phone.call(site.port())

    await until(lambda: second.codes[-1:] == [503])
    await until(lambda: caller.hears(1000))


async def test_commands_before_begin_and_for_missing_legs_are_refused_with_a_reason(site: Site, phone: Phone) -> None:
    call, _ = await answered(site, phone)

    with pytest.raises(CommandRefused, match="there is no handler"):
        await call.do(Drop("handler"))
    with pytest.raises(CommandRefused, match="only by the end"):
        await call.do(Drop("caller"))
    with pytest.raises(CommandRefused):
        await call.do(Play("gone", ("/nowhere/at-all.wav",)))


# --- sound --------------------------------------------------------------------------------------------


async def test_the_caller_hears_what_is_played_until_it_stops(site: Site, phone: Phone, music: Path) -> None:
    call, caller = await answered(site, phone)

    await call.do(Play("music", (str(music),), loop=True))
    await until(lambda: caller.hears(1000))

    await call.do(StopPlaying("music"))
    await until(lambda: goertzel(b"".join(caller.heard), 1000) < 50)


async def test_files_are_played_in_order_and_the_end_is_told_once(site: Site, phone: Phone, directory: Path) -> None:
    call, caller = await answered(site, phone)
    first, second = wav(directory / "a.wav", 600, 0.6), wav(directory / "b.wav", 1500, 0.6)

    began = time.monotonic()
    await call.do(Play("greeting", (str(first), str(second))))
    await until(lambda: caller.hears(600))
    await until(lambda: caller.hears(1500))

    assert await next_of(call, Played) == Played("greeting")
    assert time.monotonic() - began >= 1.1


async def test_several_files_are_played_round_and_round(site: Site, phone: Phone, directory: Path) -> None:
    call, caller = await answered(site, phone)
    files = tuple(str(wav(directory / f"{hertz}.wav", hertz, 0.7)) for hertz in (600, 1500))

    await call.do(Play("music", files, loop=True))

    for hertz in (600, 1500, 600, 1500):
        await until(lambda hertz=hertz: caller.hears(hertz))  # type: ignore[misc]


async def test_a_player_of_the_same_name_is_replaced(site: Site, phone: Phone, directory: Path) -> None:
    call, caller = await answered(site, phone)
    await call.do(Play("music", (str(wav(directory / "a.wav", 600, 1)),), loop=True))
    await until(lambda: caller.hears(600))

    await call.do(Play("music", (str(wav(directory / "b.wav", 1500, 1)),), loop=True))

    await until(lambda: caller.hears(1500) and not caller.hears(600))


async def test_music_pauses_for_an_announcement_and_goes_on_where_it_was(
    site: Site, phone: Phone, directory: Path
) -> None:
    call, caller = await answered(site, phone)
    music = directory / "music.wav"
    _joined(music, wav(directory / "a.wav", 600, 1.5), wav(directory / "b.wav", 1000, 20))
    announcement = wav(directory / "announcement.wav", 1900, 1.5)
    await call.do(Play("music", (str(music),), loop=True))
    await until(lambda: caller.hears(1000))

    await call.do(Play("announcement", (str(announcement),)))
    await until(lambda: caller.hears(1900) and not caller.hears(1000))
    await next_of(call, Played)
    caller.heard.clear()

    await until(lambda: caller.hears(1000) or caller.hears(600))
    assert caller.hears(1000), "the music began again"


async def test_a_loop_that_is_played_to_nobody_keeps_its_place(site: Site, phone: Phone, directory: Path) -> None:
    call, caller = await answered(site, phone)
    music = directory / "music.wav"
    _joined(music, wav(directory / "a.wav", 600, 1.5), wav(directory / "b.wav", 1000, 20))
    play = Play("music", (str(music),), loop=True)
    await call.do(play)
    await until(lambda: caller.hears(1000))

    await call.do(replace(play, to=()))
    await until(lambda: goertzel(b"".join(caller.heard), 1000) < 50)
    caller.heard.clear()
    await call.do(play)

    await until(lambda: caller.hears(1000) or caller.hears(600))
    assert caller.hears(1000), "the music began again"


def _joined(out: Path, *parts: Path) -> None:
    with wave.open(str(out), "wb") as joined:
        for part in parts:
            with wave.open(str(part)) as source:
                if joined.tell() == 0:
                    joined.setparams(source.getparams())
                joined.writeframes(source.readframes(source.getnframes()))


async def test_digits_are_reported_one_by_one(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)

    caller.press("19#")

    assert [await next_of(call, Digit) for _ in range(3)] == [Digit("caller", d) for d in "19#"]


# --- legs ---------------------------------------------------------------------------------------------


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


# --- recording ----------------------------------------------------------------------------------------


async def test_a_recording_holds_all_legs_and_comes_with_its_hash(site: Site, phone: Phone, directory: Path) -> None:
    call, *_ = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))
    path = directory / "talk.wav"

    await call.do(Record(str(path)))
    await until(lambda: path.stat().st_size > 24_000)
    await call.do(StopRecording())
    event = await next_of(call, Recorded)

    assert isinstance(event, Recorded)
    assert event.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with wave.open(str(path)) as file:
        sound = file.readframes(file.getnframes())
        assert event.seconds == pytest.approx(file.getnframes() / 8000)
    tail = sound[8000:]
    assert goertzel(tail, 440) > 1500 and goertzel(tail, 700) > 1500


async def test_the_end_of_the_call_closes_its_recording(site: Site, phone: Phone, directory: Path) -> None:
    call, _ = await answered(site, phone)
    path = directory / "talk.wav"
    await call.do(Record(str(path)))
    await until(lambda: path.stat().st_size > 8000)

    await call.do(End())
    event = await next_of(call, Recorded)

    assert isinstance(event, Recorded)
    assert event.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert recordings.is_closed(path)


async def test_a_recording_whose_process_was_killed_can_be_repaired(site: Site, phone: Phone, directory: Path) -> None:
    call, _ = await answered(site, phone)
    path = directory / "talk.wav"
    await call.do(Record(str(path)))
    await until(lambda: path.stat().st_size > 16_000)

    call.signal(signal.SIGKILL)
    await call.finished()
    on_disk = recordings.seconds(path)

    assert recordings.repair(path) is True
    assert recordings.repair(path) is False
    with wave.open(str(path)) as file:
        assert file.getnframes() / 8000 == on_disk >= 0.9


# --- hostile input ------------------------------------------------------------------------------------


async def test_garbage_at_the_slot_does_not_harm_the_call(site: Site, phone: Phone, music: Path) -> None:
    call, caller = await answered(site, phone)
    await call.do(Play("music", (str(music),), loop=True))
    garbage = [
        b"",
        b"\x00" * 200,
        b"INVITE",
        b"INVITE sip:x SIP/2.0\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP 1;branch=\r\nContent-Length: 99999\r\n\r\n",
        bytes(range(256)) * 10,
        b"INVITE sip:a@b SIP/2.0\r\n" + b"A: b\r\n" * 500 + b"\r\n",
    ]

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for data in garbage * 5:
            sender.sendto(data, (HOST, site.port()))

    caller.heard.clear()
    await until(lambda: caller.hears(1000))
    await call.do(StopPlaying("music"))


async def test_a_peer_cannot_make_us_dial_by_refer(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)
    caller.cseq += 1

    phone.request(caller, "REFER", extra=f"Refer-To: <sip:premium@{HOST}>\r\n")

    await until(lambda: any(m.code and m.method == "REFER" for m in phone.received))
    refusal = next(m for m in phone.received if m.code and m.method == "REFER")
    assert refusal.code == 603
    assert phone.requests("INVITE") == []
    await call.do(End())
