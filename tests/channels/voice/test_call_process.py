"""One call, through a real call process, with real SIP and RTP on the other side."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
import wave
from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from channels.voice.archive import finish
from channels.voice.call import Call, CallGone, CommandRefused
from channels.voice.messages import (
    Answer,
    Bridge,
    Dial,
    Digit,
    Drop,
    End,
    Event,
    Heard,
    LegChanged,
    LegHeld,
    LegName,
    MediaBack,
    MediaLost,
    Pair,
    PauseRecording,
    Play,
    Played,
    Record,
    Recorded,
    RecordingWentOn,
    RecordMessage,
    Rename,
    ResumeRecording,
    SendDigits,
    Silent,
    StopMessage,
    StopPlaying,
    StopRecording,
    TellTransfer,
    TransferAsked,
    WatchSilence,
    mesh,
)
from channels.voice.recordings import HEADER_BYTES, Raw, is_closed
from tests.channels.voice.conftest import Site, wav
from tests.channels.voice.raw_sip import HOST, Dialog, Phone, goertzel, until

FRAME_BYTES = 320  # 20 ms


@pytest.fixture
def raw(directory: Path) -> Raw:
    return Raw(directory / "C1_1")


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
    site.board.open.clear()
    await site.start()
    await site.ready()
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


async def test_who_presses_keys_in_haste_is_heard_at_once_and_in_one_piece(site: Site, phone: Phone, raw: Raw) -> None:
    """One packet of sound between two keys: less than the jitter buffer waits for before it plays."""
    caller = await phone.call(site.port())
    caller.muted = True
    call = await site.calls.get()
    await call.do(Answer())
    await call.do(Record(str(raw.stem)))
    await until(lambda: caller.rtp_target)

    caller.press("5" * 6, pause=1)
    caller.muted = False
    await recorded_for(raw, 4)
    await call.do(StopRecording())
    left, _ = await kept(raw)

    assert [await next_of(call, Digit) for _ in range(6)] == [Digit("caller", "5")] * 6
    assert goertzel(second(left, 2), 440) > 7500, "a tone of 8000 that starts anew now and then comes out smaller"


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


async def test_a_line_whose_peer_has_forgotten_the_call_is_over(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)

    caller.still_there, caller.muted = False, True

    ended = await next_leg(call, "caller", "ended")
    assert ended.code == 481


# --- hearing the caller -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["hushed", "muted"])
async def test_a_caller_who_says_nothing_is_told_once_and_again_when_they_are_heard(
    site: Site, phone: Phone, how: str
) -> None:
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)
    setattr(caller, how, True)

    await call.do(WatchSilence(1.0))
    silent = await call.next(3)
    assert isinstance(silent, Silent) and silent.leg == "caller" and 1.0 <= silent.seconds < 1.6

    setattr(caller, how, False)
    assert await next_of(call, Heard) == Heard("caller")


async def test_a_caller_who_has_spoken_may_listen_as_long_as_they_like(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)

    await call.do(WatchSilence(1.0))
    with pytest.raises(TimeoutError):
        await call.next(1.3)


async def test_a_message_is_what_the_caller_alone_says_and_ends_when_they_fall_silent(
    site: Site, phone: Phone, directory: Path, music: Path
) -> None:
    call, caller = await answered(site, phone)
    await call.do(Play("music", (str(music),), loop=True))
    await until(lambda: caller.hears(1000))
    path = directory / "message.wav"

    await call.do(RecordMessage(str(path), silence_seconds=1.0, longest_seconds=30))
    await until(lambda: path.stat().st_size > 16_000)
    caller.hushed = True
    event = await next_of(call, Recorded)

    assert isinstance(event, Recorded) and event.path == str(path)
    assert 1.5 < event.seconds < 5
    with wave.open(str(path)) as file:
        sound = file.readframes(8000)
    assert goertzel(sound, 440) > 1500 and goertzel(sound, 1000) < 300


async def test_a_message_is_closed_by_its_longest_time_by_word_and_by_the_caller_hanging_up(
    site: Site, phone: Phone, directory: Path
) -> None:
    call, caller = await answered(site, phone)
    await until(lambda: caller.rtp_target)

    await call.do(RecordMessage(str(directory / "long.wav"), silence_seconds=5, longest_seconds=0.5))
    assert isinstance(await next_of(call, Recorded), Recorded)

    await call.do(RecordMessage(str(directory / "enough.wav"), silence_seconds=5, longest_seconds=30))
    await until(lambda: (directory / "enough.wav").stat().st_size > 4000)
    await call.do(StopMessage())
    assert isinstance(await next_of(call, Recorded), Recorded)

    await call.do(RecordMessage(str(directory / "gone.wav"), silence_seconds=5, longest_seconds=30))
    await until(lambda: (directory / "gone.wav").stat().st_size > 4000)
    caller.bye()
    assert isinstance(recorded := await next_of(call, Recorded), Recorded)
    assert recorded.path.endswith("gone.wav") and is_closed(Path(recorded.path))


# --- recording ----------------------------------------------------------------------------------------


async def recorded_for(raw: Raw, seconds: float) -> None:
    """Until so much more of both sides is on disk."""
    wanted = raw.caller.stat().st_size + seconds * 16_000
    await until(lambda: min(raw.caller.stat().st_size, raw.police.stat().st_size) >= wanted)


async def kept(raw: Raw) -> tuple[bytes, bytes]:
    """Ends with the recording: the samples of the left channel (the caller) and the right one (the police side)."""
    await until(lambda: finish(raw, raw.stem.parent, "wav"))
    with wave.open(str(raw.stem.with_suffix(".wav"))) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        both = array("h", file.readframes(file.getnframes()))
    return both[0::2].tobytes(), both[1::2].tobytes()


def second(side: bytes, number: float) -> bytes:
    """Half a second of sound, from the middle of that second of the recording; -1 is the last one."""
    whole = len(side) // 16_000
    begin = int(((number % whole) + 0.25) * 16_000)
    return side[begin : begin + 8000]


async def test_the_caller_is_recorded_left_and_the_police_side_right(site: Site, phone: Phone, raw: Raw) -> None:
    call, *_ = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))

    await call.do(Record(str(raw.stem)))
    await recorded_for(raw, 2)
    await call.do(StopRecording())
    left, right = await kept(raw)

    assert goertzel(second(left, 1), 440) > 1500 and goertzel(second(left, 1), 700) < 100
    assert goertzel(second(right, 1), 700) > 1500 and goertzel(second(right, 1), 440) < 100
    assert len(left) == len(right)
    assert abs(raw_length(raw.caller) - raw_length(raw.police)) <= FRAME_BYTES


async def test_what_the_caller_is_told_is_on_the_right_and_music_on_neither_side(
    site: Site, phone: Phone, raw: Raw, music: Path, directory: Path
) -> None:
    call, _ = await answered(site, phone)
    await call.do(Record(str(raw.stem)))
    await call.do(Play("music", (str(music),), loop=True))
    await recorded_for(raw, 1)
    await call.do(Play("notice", (str(wav(directory / "notice.wav", 700, 5.0)),)))
    await recorded_for(raw, 1.5)
    await call.do(StopRecording())
    left, right = await kept(raw)

    assert goertzel(second(right, -1), 700) > 1500 and goertzel(second(left, -1), 700) < 100
    assert max(goertzel(second(side, 0), 1000) for side in (left, right)) < 100


async def test_a_supervisor_is_recorded_only_while_the_caller_hears_them(site: Site, phone: Phone, raw: Raw) -> None:
    call, *_ = await with_handler(site, phone)
    phone.hertz = 1500
    await call.do(Dial("supervisor", f"sip:sam@{HOST}", 10))
    await next_leg(call, "supervisor", "answered")
    listening: tuple[Pair, ...] = (("caller", "supervisor"), ("handler", "supervisor"))
    await call.do(Record(str(raw.stem)))

    await call.do(Bridge((*mesh("caller", "handler"), *listening, ("supervisor", "handler"))))
    await recorded_for(raw, 1.5)
    await call.do(Bridge(mesh("caller", "handler", "supervisor")))
    await recorded_for(raw, 1.5)
    await call.do(StopRecording())
    left, right = await kept(raw)

    assert goertzel(second(right, 0), 1500) < 100 and goertzel(second(right, 0), 700) > 1500
    assert goertzel(second(right, -1), 1500) > 1500 and goertzel(second(left, -1), 1500) < 100


async def test_a_third_party_who_becomes_the_handler_stays_on_the_right(site: Site, phone: Phone, raw: Raw) -> None:
    call, _, first = await with_handler(site, phone)
    phone.hertz = 1500
    await call.do(Dial("third", f"sip:ben@{HOST}", 10))
    await next_leg(call, "third", "answered")
    await call.do(Record(str(raw.stem)))
    await call.do(Bridge(mesh("caller", "handler", "third")))
    first.bye()
    await next_leg(call, "handler", "ended")

    await call.do(Rename("third", "handler"))
    await recorded_for(raw, 1.5)
    await call.do(StopRecording())
    left, right = await kept(raw)

    assert goertzel(second(right, -1), 1500) > 1500 and goertzel(second(right, -1), 700) < 100
    assert goertzel(second(left, -1), 440) > 1500 and goertzel(second(left, -1), 1500) < 100


async def test_a_pause_is_recorded_as_silence_and_ends_by_itself(site: Site, phone: Phone, raw: Raw) -> None:
    call, *_ = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))
    with pytest.raises(CommandRefused, match="nothing is being recorded"):
        await call.do(PauseRecording(1))
    await call.do(Record(str(raw.stem)))
    await recorded_for(raw, 1)

    began = time.monotonic()
    await call.do(PauseRecording(1.5))
    await next_of(call, RecordingWentOn)
    assert 1.4 < time.monotonic() - began < 2.0
    await recorded_for(raw, 1)
    await call.do(PauseRecording(60))
    await call.do(ResumeRecording())
    await call.do(StopRecording())
    sides = await kept(raw)

    for side, hertz in zip(sides, (440, 700), strict=True):
        sound = [goertzel(side[at : at + 1600], hertz) > 500 for at in range(0, len(side) - 1600, 1600)]
        silent = [n for n, heard in enumerate(sound) if not heard and n > 2]
        assert 12 <= len(silent) <= 18  # tenths of a second; the recording is as long as the talk
        assert silent == list(range(silent[0], silent[0] + len(silent)))


async def test_the_end_of_the_call_ends_its_recording(site: Site, phone: Phone, raw: Raw) -> None:
    call, _ = await answered(site, phone)
    await call.do(Record(str(raw.stem)))
    await recorded_for(raw, 0.5)
    assert finish(raw, raw.stem.parent, "wav") is None  # it is still being recorded

    await call.do(End())
    left, _ = await kept(raw)

    assert len(left) > 8000 and raw.closed()


async def test_a_recording_whose_process_was_killed_has_both_sides(site: Site, phone: Phone, raw: Raw) -> None:
    call, *_ = await with_handler(site, phone)
    await call.do(Record(str(raw.stem)))
    await recorded_for(raw, 1.5)

    call.signal(signal.SIGKILL)
    await call.finished()
    assert not raw.closed()
    left, right = await kept(raw)

    assert len(left) >= 24_000
    assert goertzel(second(left, -1), 440) > 1500 and goertzel(second(right, -1), 700) > 1500


async def test_a_full_disk_does_not_end_the_call(site: Site, phone: Phone, raw: Raw, directory: Path) -> None:
    call, caller, handler = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))
    for path in (raw.caller, raw.police):
        path.symlink_to("/dev/full")

    await call.do(Record(str(raw.stem)))
    await call.do(Play("notice", (str(wav(directory / "notice.wav", 300, 1.0)),), ("caller",)))
    await next_of(call, Played)  # a second: long enough for several failed writes
    await until(lambda: caller.hears(700) and handler.hears(440))
    await call.do(StopRecording())

    await until(lambda: caller.hears(700))


def raw_length(path: Path) -> int:
    return path.stat().st_size - HEADER_BYTES


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


async def answer_to(phone: Phone, dialog: Dialog, refer_to: str) -> int:
    """The status that a REFER in this call is answered with."""
    dialog.cseq += 1
    phone.request(dialog, "REFER", extra=refer_to)

    def answers() -> list[int]:
        mine = (m for m in phone.received if m.code and m.method == "REFER" and m.get("call-id") == dialog.call_id)
        return [m.code for m in mine if m.get("cseq") == f"{dialog.cseq} REFER"]

    await until(answers)
    return answers()[0]


async def test_a_handlers_phone_asks_for_a_transfer_and_the_process_only_tells(site: Site, phone: Phone) -> None:
    call, _, handler = await with_handler(site, phone)
    replaces = "?Replaces=a%40b%3Bto-tag%3Dc%3Bfrom-tag%3Dd"

    assert await answer_to(phone, handler, f"Refer-To: <sip:102@{HOST}{replaces}>\r\n") == 499
    asked = await next_of(call, TransferAsked)
    assert asked == TransferAsked("handler", "102", "a@b;to-tag=c;from-tag=d")
    assert len(phone.requests("INVITE")) == 1  # the handler's own, long ago

    await call.do(TellTransfer("handler", 180, "Ringing", final=False))
    await call.do(TellTransfer("handler", 486, "did not answer"))
    await until(lambda: len(phone.requests("NOTIFY")) == 2)
    last = phone.requests("NOTIFY")[1]
    assert (last.get("event"), last.body) == ("refer", "SIP/2.0 486 did not answer\r\n")
    assert last.get("subscription-state").startswith("terminated")
    assert last.get("content-type").startswith("message/sipfrag")
    with pytest.raises(CommandRefused):
        await call.do(TellTransfer("handler", 486, "smuggled\r\nX: y"))


async def test_a_phone_hears_at_once_when_no_gateway_is_there_to_decide(site: Site, phone: Phone) -> None:
    _, _, handler = await with_handler(site, phone)
    await site.stop()

    async with asyncio.timeout(5):  # until the process has noticed
        while not phone.requests("NOTIFY"):
            assert await answer_to(phone, handler, f"Refer-To: <sip:102@{HOST}>\r\n") == 499

    assert phone.requests("NOTIFY")[0].body.startswith("SIP/2.0 503 ")


async def test_a_hostile_refer_does_not_harm_the_call(site: Site, phone: Phone, music: Path) -> None:
    call, caller, handler = await with_handler(site, phone)
    await call.do(Play("music", (str(music),), loop=True))
    hostile = (
        *("", "Refer-To:\r\n", "Refer-To: \xff\x01\r\n", "Refer-To: <<<>\r\n", "r: sip:\r\n"),
        *("Refer-To: <sip:102@x>\r\n" * 30, f"Refer-To: <sip:{'1' * 2000}@x>\r\n"),
        *(f"Refer-To: <sip:102@x?Replaces={'a' * 2000}>\r\n", "Refer-To: <sip:102@x?Replaces=a%0d%0aX:y>\r\n"),
        *("Refer-To: <sip:102@[::1>\r\nReferred-By: \xff<\r\n", "Refer-To: <sip:102@x>\r\nReferred-By:\r\n"),
        *("Refer-To: <sip:102@x>\r\nRefer-Sub: false\r\n", "Refer-To: <sip:102@x;a=%00>\r\nb: " + "b" * 1000 + "\r\n"),
    )

    for header in hostile:
        assert await answer_to(phone, handler, header) >= 400
    assert await answer_to(phone, caller, f"Refer-To: <sip:102@{HOST}>\r\n") == 603

    assert len(phone.requests("INVITE")) == 1
    caller.heard.clear()
    await until(lambda: caller.hears(1000))


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_a_telephone_that_holds_is_seen_and_so_is_its_return(site: Site, phone: Phone, direction: str) -> None:
    call, caller, handler = await with_handler(site, phone)
    await call.do(Bridge(mesh("caller", "handler")))
    await until(lambda: caller.hears(handler.hertz))

    handler.hold(direction)
    assert await next_of(call, LegHeld) == LegHeld("handler", held=True)

    handler.hold("sendrecv")
    assert await next_of(call, LegHeld) == LegHeld("handler", held=False)
    caller.heard.clear()
    await until(lambda: caller.hears(handler.hertz))


async def test_a_peer_cannot_make_us_dial_by_refer(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)

    assert await answer_to(phone, caller, f"Refer-To: <sip:premium@{HOST}>\r\n") == 603
    assert phone.requests("INVITE") == []
    await call.do(End())
