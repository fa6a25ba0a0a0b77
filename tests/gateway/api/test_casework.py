"""Offers, notes, grades, emergencies, calls and wrap-ups through the API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from channels.voice import instructions as tell_to
from routing.events import ControlRoomJoined, ControlRoomLeft
from tests.gateway.api.site import CALLER, Site

REF = "AAAA-0001"


def at(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


async def test_a_text_is_offered_accepted_answered_and_wrapped_up(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF, "my bag was stolen")

    (offer,) = (await amy.get("/offers"))[1]
    status, contact = await amy.post(f"/offers/{offer['id']}/accept")
    assert (status, contact["stage"], contact["handler"]) == (200, "assigned", "amy")
    assert (await amy.post(f"/contacts/{REF}/replies", {"body": "Where was it?"}))[0] == 201
    _, messages = await amy.get(f"/contacts/{REF}/messages")
    done = await amy.post(f"/contacts/{REF}/wrap-up", {"disposition": "resolved", "grade": "scheduled", "notes": "ok"})

    assert done[0] == 204
    assert [(m["direction"], m["body"]) for m in messages if not m["automatic"]] == [
        ("in", "my bag was stolen"),
        ("out", "Where was it?"),
    ]
    closed = await site.store.contact(REF)
    assert closed is not None
    assert (closed.stage, closed.disposition, closed.grades[0].grade) == ("closed", "resolved", "scheduled")
    assert (await amy.get("/me"))[1]["contacts"] == []


async def test_a_template_that_nobody_has_written_in_the_wanted_language_is_not_sent_in_another(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)
    await amy.post(f"/offers/{site.offer_of(REF).id}/accept")
    wanted = {"template": "officer_coming", "values": {"place": "York"}, "language": "cy"}
    for path in ("replies", "replies/preview"):
        status, problem = await amy.post(f"/contacts/{REF}/{path}", wanted)
        assert (status, problem["errors"][0]["field"]) == (400, "language")
        assert "it is in: en" in problem["errors"][0]["why"]
    welsh = {"template": "heard", "language": "cy"}
    assert (await amy.post(f"/contacts/{REF}/replies/preview", welsh))[1]["body"].startswith("Wedi cael")


async def test_a_reply_that_is_too_long_for_one_text_is_refused_before_it_is_sent(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)
    await amy.post(f"/offers/{site.offer_of(REF).id}/accept")
    for path in ("replies", "replies/preview"):
        status, problem = await amy.post(f"/contacts/{REF}/{path}", {"body": "a" * 1601})
        assert (status, problem["errors"][0]["why"]) == (400, "a text has at most 1,600 characters, and this has 1,601")
    assert (await amy.post(f"/contacts/{REF}/replies", {"body": "a" * 1600}))[0] == 201


async def test_a_preview_says_that_a_template_has_no_words_in_the_persons_language(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF, language="cy")
    await amy.post(f"/offers/{site.offer_of(REF).id}/accept")

    async def said(template: str) -> str:
        asked = {"template": template, "values": {"place": "York"}}
        return str((await amy.post(f"/contacts/{REF}/replies/preview", asked))[1]["other_language"])

    assert await said("officer_coming") == ("The template 'officer_coming' has no words in 'cy': these are in 'en'.")
    assert await said("heard") == ""


async def test_a_ringing_call_is_accepted_by_answering_the_phone_and_may_be_declined_at_the_desk(site: Site) -> None:
    amy = await site.signed_in("amy", available=True, extension="201")
    await site.call(REF)
    offer = site.offer_of(REF)

    status, problem = await amy.post(f"/offers/{offer.id}/accept")
    assert (status, problem["detail"]) == (409, "Answer your phone: that accepts this call.")

    assert (await amy.post(f"/offers/{offer.id}/decline"))[0] == 204
    assert (await amy.post(f"/offers/{offer.id}/decline"))[0] == 409


async def test_an_offer_is_nobody_elses_to_take(site: Site) -> None:
    await site.signed_in("amy", available=True)
    ben = await site.signed_in("ben")
    await site.text(REF)

    assert (await ben.post(f"/offers/{site.offer_of(REF).id}/accept"))[0] == 409
    assert site.dispatcher.board.contacts[REF].assignment is None


async def test_being_away_needs_a_reason(site: Site) -> None:
    amy = await site.signed_in("amy")

    refused = await amy.send("PUT", "/me/presence", {"state": "away"})
    taken = await amy.send("PUT", "/me/presence", {"state": "away", "reason": "break"})

    assert (refused[0], taken[0]) == (400, 200)
    assert taken[1]["handler"]["presence"] == {"state": "away", "reason": "break"}


async def test_a_reply_repeated_with_the_same_key_is_sent_once(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)
    await site.answer(REF)
    key = {"Idempotency-Key": "3f2a"}

    first = await amy.post(f"/contacts/{REF}/replies", {"body": "Hello"}, headers=key)
    again = await amy.post(f"/contacts/{REF}/replies", {"body": "Hello"}, headers=key)

    assert again == (201, {"id": first[1]["id"], "duplicate": True})
    assert [m.body for m in await site.store.messages(REF)].count("Hello") == 1
    assert len(await site.rows("ReplyWritten")) == 1


async def test_only_its_handler_or_a_supervisor_replies(site: Site) -> None:
    await site.signed_in("amy", available=True)
    ben, sue = await site.signed_in("ben"), await site.signed_in("sue", "supervisor")
    await site.text(REF)
    await site.answer(REF)

    assert (await ben.post(f"/contacts/{REF}/replies", {"body": "Hello"}))[0] == 403
    assert (await sue.post(f"/contacts/{REF}/replies", {"body": "Hello"}))[0] == 201


async def test_a_call_cannot_be_answered_in_writing(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    await site.call(REF)

    status, problem = await sue.post(f"/contacts/{REF}/replies", {"body": "Hello"})

    assert status == 409
    assert "follow-up" in problem["detail"]


async def test_an_emergency_grade_raises_the_emergency_and_a_regrade_is_appended(site: Site) -> None:
    amy = await site.signed_in("amy", available=True, extension="201")
    await site.call(REF)
    await site.answer(REF)

    assert (await amy.post(f"/contacts/{REF}/grade", {"grade": "priority"}))[0] == 200
    _, contact = await amy.post(f"/contacts/{REF}/grade", {"grade": "emergency", "rationale": "has a knife"})

    assert [g["grade"] for g in contact["grades"]] == ["priority", "emergency"]
    assert (contact["emergency"], contact["handover"]["state"]) == (True, "calling")
    assert [json.loads(r.document)["how"] for r in await site.rows("EmergencyRaised")] == ["graded Emergency"]


async def test_an_emergency_that_is_known_is_not_raised_again_by_its_grade(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)
    await amy.post(f"/contacts/{REF}/emergency", {"how": "weapon"})

    await amy.post(f"/contacts/{REF}/grade", {"grade": "emergency"})

    assert len(await site.rows("EmergencyRaised")) == 1


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("grade", {"grade": "urgent"}, "grade"),
        ("wrap-up", {"disposition": "vanished"}, "disposition"),
        ("wrap-up", {"disposition": "resolved", "grade": "urgent"}, "grade"),
    ],
)
async def test_only_the_sites_own_tables_are_used(site: Site, path: str, body: dict[str, str], field: str) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)

    status, problem = await amy.post(f"/contacts/{REF}/{path}", body)

    assert (status, problem["errors"][0]["field"]) == (400, field)
    assert "there are:" in problem["errors"][0]["why"]


async def test_a_caller_is_never_left_alone_nor_cut_off_before_the_control_room_has_them(site: Site) -> None:
    assert site.calls is not None
    amy = await site.signed_in("amy", available=True, extension="201")
    sue = await site.signed_in("sue", "supervisor")
    await site.call(REF)
    await site.answer(REF)
    assert (await amy.post(f"/contacts/{REF}/leave"))[0] == 409

    await amy.post(f"/contacts/{REF}/emergency", {"how": "not breathing"})
    assert (await amy.post(f"/contacts/{REF}/leave"))[0] == 409
    assert (await amy.post(f"/contacts/{REF}/end"))[0] == 409
    assert site.calls.asked == []

    await site.dispatcher.submit(ControlRoomJoined(REF, "Control room"))
    assert (await amy.post(f"/contacts/{REF}/leave"))[0] == 204
    heard_until = site.now() + 10
    site.now = lambda: heard_until
    await site.dispatcher.submit(ControlRoomLeft(REF, "Control room"))
    assert (await amy.post(f"/contacts/{REF}/end"))[0] == 204
    assert (await sue.post(f"/contacts/{REF}/end"))[0] == 204
    assert site.calls.asked == [
        (tell_to.Leave(), REF, "amy"),
        (tell_to.HangUp("handler:amy"), REF, "amy"),
        (tell_to.HangUp("handler:sue"), REF, "amy"),
    ]


async def test_a_wrap_up_left_behind_is_completed_by_a_supervisor_and_that_is_on_record(site: Site) -> None:
    await site.signed_in("amy", available=True)
    ben, sue = await site.signed_in("ben"), await site.signed_in("sue", "supervisor")
    await site.text(REF)
    await site.answer(REF)
    body = {"disposition": "resolved", "handler": "amy"}

    assert (await ben.post(f"/contacts/{REF}/wrap-up", body))[0] == 403
    assert (await sue.post(f"/contacts/{REF}/wrap-up", body))[0] == 204

    assert REF not in site.dispatcher.board.contacts
    assert "wrap-up completed for amy" in (await site.rows("Recorded"))[-1].document


async def test_a_follow_up_is_scheduled_in_its_window_and_can_be_cancelled(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)
    await site.answer(REF)
    body = {"channel": "voice", "purpose": "update", "not_before": at(60), "not_after": at(120), "owner": "amy"}

    status, follow_up = await amy.post(f"/contacts/{REF}/follow-ups", body)
    await amy.post(f"/contacts/{REF}/wrap-up", {"disposition": "resolved"})

    assert (status, follow_up["address"], follow_up["state"]) == (201, CALLER, "scheduled")
    assert site.dispatcher.board.contacts[REF].stage == "scheduled"
    assert (await amy.send("DELETE", f"/contacts/{REF}/follow-ups/{follow_up['id']}"))[0] == 204
    assert REF not in site.dispatcher.board.contacts


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"not_after": at(60.5)}, "body"),
        ({"not_before": at(-120), "not_after": at(-60)}, "not_after"),
        ({"not_before": at(91 * 1440), "not_after": at(92 * 1440)}, "not_before"),
        ({"not_before": "2030-01-01T10:00:00"}, "not_before"),
        ({"channel": "email"}, "address"),
        ({"owner": "nobody"}, "owner"),
        ({"purpose": " "}, "purpose"),
    ],
)
async def test_a_follow_up_that_makes_no_sense_is_refused(site: Site, change: dict[str, str], field: str) -> None:
    amy = await site.signed_in("amy")
    await site.text(REF)
    body = {"channel": "text", "purpose": "update", "not_before": at(60), "not_after": at(120)}

    status, problem = await amy.post(f"/contacts/{REF}/follow-ups", body | change)

    assert (status, problem["errors"][0]["field"]) == (400, field)
    assert not site.dispatcher.board.follow_ups
