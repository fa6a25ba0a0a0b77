"""A handler's and a supervisor's doings with a call: who may, what is refused, what the call is told."""

from __future__ import annotations

from typing import Any

import pytest

from channels.base import Refused
from channels.voice import instructions as tell_to
from routing.events import CallerLeft, PartyAnswered, RecordingPaused, RecordingResumed, Supervised
from tests.gateway.api.site import Desk, Site

REF = "AAAA-1111"
CALL = f"/contacts/{REF}/call"


async def amy_talking(site: Site) -> tuple[Desk, Desk]:
    """Amy has a caller; Bob is free."""
    amy = await site.signed_in("amy", available=True, extension="201")
    await site.call(REF)
    await site.answer(REF)
    bob = await site.signed_in("bob", available=True, extension="202")
    return amy, bob


def asked(site: Site) -> list[Any]:
    assert site.calls is not None
    return [wish for wish, _, _ in site.calls.asked]


async def test_the_one_who_has_the_call_holds_mutes_and_presses_keys(site: Site) -> None:
    amy, _ = await amy_talking(site)

    assert (await amy.send("PUT", f"{CALL}/hold", {"held": True}))[0] == 204
    assert (await amy.send("PUT", f"{CALL}/mute", {"muted": True}))[0] == 204
    assert (await amy.post(f"{CALL}/digits", {"digits": "12#"}))[0] == 204

    assert asked(site) == [
        tell_to.Hold("handler:amy", True),
        tell_to.Mute("handler:amy", True),
        tell_to.SendDigits("handler:amy", "12#"),
    ]
    assert not any("12#" in row.document for row in await site.rows()), "keys can be a secret"


async def test_a_recording_is_paused_with_a_reason_and_the_contact_shows_it(site: Site) -> None:
    amy, bob = await amy_talking(site)
    path = f"{CALL}/recording"

    assert (await bob.send("PUT", path, {"paused": True, "reason": "curious"}))[0] == 403
    status, problem = await amy.send("PUT", path, {"paused": True})
    assert (status, "say why" in str(problem["errors"])) == (400, True)
    assert (await amy.send("PUT", path, {"paused": True, "reason": "card number"}))[0] == 204
    assert (await amy.send("PUT", path, {"paused": False}))[0] == 204
    assert asked(site) == [
        tell_to.PauseRecording("handler:amy", "card number"),
        tell_to.ResumeRecording("handler:amy"),
    ]

    await site.dispatcher.submit(RecordingPaused(REF, "handler:amy", "card number"))
    assert (await amy.get(f"/contacts/{REF}"))[1]["contact"]["recording_paused"] is True
    await site.dispatcher.submit(RecordingResumed(REF, "system"))
    assert (await amy.get("/me"))[1]["contacts"][0]["recording_paused"] is False


async def supervised(site: Site) -> tuple[Desk, Desk]:
    amy, _ = await amy_talking(site)
    sue = await site.signed_in("sue", "supervisor", extension="301")
    await sue.send("PUT", f"{CALL}/supervision", {"mode": "listen", "reason": "new handler"})
    await site.dispatcher.submit(PartyAnswered(REF, "sue", "sue", "supervisor"))
    await site.dispatcher.submit(Supervised(REF, "sue", "listen"))
    return amy, sue


async def seen_of_sue(desk: Desk) -> tuple[list[str], list[str]]:
    """In the contact, and in its journal."""
    _, contact = await desk.get(f"/contacts/{REF}?reason=test")
    _, rows = await desk.get(f"/contacts/{REF}/journal?reason=test")
    told = [row["kind"] for row in rows if "sue" in str(row["data"]) and row["kind"] != "Recorded"]
    return [guest["handler"] for guest in contact["contact"]["guests"]], told


async def test_the_handler_sees_who_supervises_them_unless_policy_says_otherwise(site: Site) -> None:
    amy, sue = await supervised(site)
    everything = (["sue"], ["PartyRung", "PartyAnswered", "Supervised"])

    assert await seen_of_sue(amy) == everything

    voice = site.settings.voice.model_copy(update={"supervisors_shown": False})
    object.__setattr__(site.settings, "voice", voice)
    assert await seen_of_sue(amy) == ([], [])
    assert (await amy.get("/me"))[1]["contacts"][0]["guests"] == []
    assert await seen_of_sue(sue) == everything


async def test_nobody_else_touches_the_call(site: Site) -> None:
    _, bob = await amy_talking(site)

    assert (await bob.send("PUT", f"{CALL}/hold", {"held": True}))[0] == 403
    assert (await bob.post(f"{CALL}/third", {"role": "transfer", "to": {"number": "+441632960555"}}))[0] == 403
    assert (await bob.send("PUT", f"{CALL}/supervision", {"mode": "listen", "reason": "curious"}))[0] == 403
    assert asked(site) == []


@pytest.mark.parametrize(
    ("to", "words", "handler"),
    [
        ({"handler": "bob"}, "Bob", "bob"),
        ({"extension": "202"}, "Bob", "bob"),
        ({"number": "01632 960555".replace(" ", "")}, "+441632960555", ""),
    ],
)
async def test_a_target_is_named_for_people_and_is_taken_up(
    site: Site, to: dict[str, str], words: str, handler: str
) -> None:
    amy, _ = await amy_talking(site)

    status, shown = await amy.post(f"{CALL}/third", {"role": "consult", "to": to})

    assert status == 200, shown
    (wish,) = asked(site)
    assert (wish.role, wish.target.words, wish.target.handler) == ("consult", words, handler)
    if handler:
        assert site.dispatcher.board.doing("bob") == "ringing"
        await site.dispatcher.submit(PartyAnswered(REF, words, handler))
        assert site.dispatcher.board.doing("bob") == "on_contact"
        await site.dispatcher.submit(CallerLeft(REF))
        assert site.dispatcher.board.doing("bob") == "nothing", "the end of the call frees the guest"


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ({"handler": "zoe"}, "no handler 'zoe'"),
        ({"number": "999"}, "emergency number"),
        ({"number": "0044999"}, "emergency number"),
        ({"number": "141112"}, "emergency number"),
        ({"extension": "999"}, "emergency number"),
        ({"extension": "112"}, "emergency number"),
        ({"extension": "00"}, "Nobody has extension 00; there are: 201 (Amy), 202 (Bob)."),
        ({"number": "118118"}, "118118 is not a whole telephone number"),
        ({"language": "klingon"}, "no interpreter"),
        ({"handler": "bob", "number": "+441632960555"}, "exactly one"),
        ({}, "exactly one"),
    ],
)
async def test_a_target_that_cannot_be_is_refused_in_words(site: Site, to: dict[str, str], why: str) -> None:
    amy, _ = await amy_talking(site)

    status, problem = await amy.post(f"{CALL}/third", {"role": "transfer", "to": to})

    assert status == 400
    assert why in str(problem["errors"])
    assert asked(site) == []


@pytest.mark.parametrize("to", [{"number": "111"}, {"extension": "111"}, {"number": "116 123"}])
async def test_a_short_code_that_the_carrier_takes_is_a_number_outside(site: Site, to: dict[str, str]) -> None:
    amy, _ = await amy_talking(site)

    status, shown = await amy.post(f"{CALL}/third", {"role": "transfer", "to": to})

    assert status == 200, shown
    (wish,) = asked(site)
    assert wish.target.uri == f"sip:{wish.target.words}@gateway.invalid;user=phone"
    assert wish.target.words in ("111", "116123")


async def test_a_colleague_who_is_busy_or_away_is_not_rung(site: Site) -> None:
    amy, bob = await amy_talking(site)
    body = {"role": "transfer", "to": {"handler": "bob"}}
    await site.call("BBBB-2222", "+441632960002")
    await site.answer("BBBB-2222")

    status, problem = await amy.post(f"{CALL}/third", body)
    assert (status, problem["detail"]) == (409, "Bob is on a call.")

    await site.dispatcher.submit(CallerLeft("BBBB-2222"))
    await bob.post("/contacts/BBBB-2222/wrap-up", {"disposition": "resolved"})
    await bob.send("PUT", "/me/presence", {"state": "away", "reason": "break"})
    status, problem = await amy.post(f"{CALL}/third", body)
    assert (status, problem["detail"]) == (409, "Bob is away (break).")


async def test_a_call_that_cannot_do_it_frees_the_colleague_again(site: Site) -> None:
    amy, _ = await amy_talking(site)
    assert site.calls is not None
    site.calls.refuses = Refused("Four are on the line already: drop somebody first.")

    status, problem = await amy.post(f"{CALL}/third", {"role": "consult", "to": {"handler": "bob"}})

    assert (status, problem["detail"]) == (409, "Four are on the line already: drop somebody first.")
    assert site.dispatcher.board.doing("bob") == "nothing"


async def test_nobody_is_said_to_have_been_rung_when_the_call_cannot_take_them(site: Site) -> None:
    amy, _ = await amy_talking(site)
    sue = await site.signed_in("sue", "supervisor", extension="301")
    assert site.calls is not None
    site.calls.objects = Refused("The line is full.")

    third, _ = await amy.post(f"{CALL}/third", {"role": "consult", "to": {"handler": "bob"}})
    listening, _ = await sue.send("PUT", f"{CALL}/supervision", {"mode": "listen", "reason": "new handler"})

    assert (third, listening) == (409, 409)
    assert await site.rows("PartyRung") == []


async def test_a_supervisor_needs_a_reason_and_a_phone_and_is_journalled(site: Site) -> None:
    await amy_talking(site)
    sue = await site.signed_in("sue", "supervisor", extension="301")
    path = f"{CALL}/supervision"

    assert (await sue.send("PUT", path, {"mode": "listen"}))[0] == 400
    assert (await sue.send("PUT", path, {"mode": "listen", "reason": "new handler"}))[0] == 204
    assert (await sue.send("PUT", path, {"mode": "whisper", "reason": "advice"}))[0] == 204

    assert asked(site) == [tell_to.Supervise("sue", "301", "listen"), tell_to.Supervise("sue", "301", "whisper")]
    assert len(await site.rows("PartyRung")) == 1, "a change of mode rings nobody"
    reasons = [row.document for row in await site.rows("Recorded") if "supervision" in row.document]
    assert len(reasons) == 2 and "new handler" in reasons[0]


async def test_a_person_who_must_not_be_called_is_not_called(site: Site) -> None:
    amy, _ = await amy_talking(site)
    await site.dispatcher.submit(CallerLeft(REF))

    status, problem = await amy.post(CALL, {"address": "112"})
    assert status == 409 and "emergency number" in problem["detail"]
    status, problem = await amy.post(CALL, {"address": "118118"})
    assert status == 409 and "not a whole telephone number" in problem["detail"]
    await amy.send("PUT", f"/contacts/{REF}/safety", {"calling": "never"})
    status, problem = await amy.post(CALL, {})
    assert status == 409 and "must not be called" in problem["detail"]


async def test_a_person_whom_calling_endangers_sees_no_number(site: Site) -> None:
    amy, _ = await amy_talking(site)
    await site.dispatcher.submit(CallerLeft(REF))
    await amy.send("PUT", f"/contacts/{REF}/safety", {"calling": "unsafe"})

    status, shown = await amy.post(CALL, {})

    assert (status, shown["handler"]) == (200, "amy")
    (placed,) = await site.rows("PlaceFollowUpCall")
    assert '"withheld":true' in placed.document


async def test_a_handler_takes_longer_over_a_wrap_up(site: Site) -> None:
    amy, bob = await amy_talking(site)
    await site.dispatcher.submit(CallerLeft(REF))
    (before,) = site.dispatcher.board.contacts[REF].wrap_ups

    assert (await amy.post(f"/contacts/{REF}/wrap-up/extend", {"seconds": 300}))[0] == 200

    (after,) = site.dispatcher.board.contacts[REF].wrap_ups
    assert after.until == pytest.approx(before.until + 300)
    assert (await bob.post(f"/contacts/{REF}/wrap-up/extend", {"seconds": 300}))[0] == 409
