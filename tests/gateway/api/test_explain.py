"""Why a contact went where it went, asked by supervisors of any, by handlers of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.api.models import moment
from gateway.explain import digest_of, started_with
from routing.events import CallerLeft
from routing.rules import Rules
from tests.gateway.api.site import Desk, Site

REF = "AAAA-0001"
PATH = f"/contacts/{REF}/explanation"


async def explanation(desk: Desk, **query: str) -> Any:
    status, answer = await desk.get(PATH, params={"reason": "complaint"} | query)
    assert status == 200, answer
    return answer


async def test_why_this_handler_and_not_that_one(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    await site.signed_in("amy", available=True)
    await site.signed_in("ben", available=True)
    await site.text(REF)
    await site.answer(REF)

    told = await explanation(sue)

    assert told["state"]["stage"] == "assigned"
    assert (told["chosen"]["handler"], told["chosen"]["rule"]) == ("amy", "longest_idle")
    why = {one["handler"]: one["reason"]["code"] for one in told["chosen"]["others"]}
    assert why == {"ben": "not_their_turn", "sue": "offline"}
    assert told["waiting"] is None
    assert any("ben could take it, but it was not their turn: idle since" in line for line in told["sentences"])


async def test_who_asks_while_two_are_being_answered_is_told_to_wait(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    await site.text(REF)
    async with site.services.explaining, site.services.explaining:
        status, problem = await sue.get(PATH, params={"reason": "complaint"})
    assert status == 429 and problem["detail"].startswith("Two explanations are being made already.")

    assert (await explanation(sue))["state"]["stage"] == "queued"


async def test_why_it_waited_before_anybody_came(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    await site.text(REF)
    then = moment(site.clock())
    await site.signed_in("amy", available=True)
    await site.answer(REF)

    told = await explanation(sue, at=then.isoformat())

    assert (told["state"]["stage"], told["chosen"]) == ("queued", None)
    assert (told["waiting"]["place"], told["waiting"]["of"]) == (1, 1)
    assert [(one["handler"], one["reason"]["code"]) for one in told["waiting"]["handlers"]] == [("sue", "offline")]


async def test_a_closed_contact_tells_why_it_had_waited_and_who_could_have_taken_it(site: Site) -> None:
    """Amy is busy with another text until she finishes it; Ben is away; then hers it is, and she closes it."""
    sue = await site.signed_in("sue", "supervisor", text_capacity=0)
    amy = await site.signed_in("amy", available=True, text_capacity=1)
    await (await site.signed_in("ben")).send("PUT", "/me/presence", {"state": "away", "reason": "break"})
    await site.text("AAAA-0002", sender="+441632960009")
    await site.answer("AAAA-0002")
    await site.text(REF)
    finished = {"disposition": "resolved"}
    assert (await amy.post("/contacts/AAAA-0002/wrap-up", finished))[0] < 300
    await site.answer(REF)
    assert (await amy.post(f"/contacts/{REF}/wrap-up", finished))[0] < 300

    told = await explanation(sue)

    assert (told["state"]["stage"], told["waiting"]) == ("closed", None)
    waiting = told["waited"]["waiting"]
    assert (waiting["place"], waiting["of"], waiting["later"]) == (1, 1, [])
    assert {one["handler"]: one["reason"]["said"] for one in waiting["handlers"]} == {
        "amy": "is busy with 1 of 1 texts", "ben": "is away (break)", "sue": "is not signed in, and takes no texts"
    }  # fmt: skip
    assert told["chosen"]["rule"] == "only_one"
    lines = told["sentences"]
    begin = next(n for n, line in enumerate(lines) if line.startswith("It had waited since "))
    assert lines[begin].endswith("Right before that:")
    assert "    amy is busy with 1 of 1 texts." in lines[begin:]
    assert lines.index(next(line for line in lines if line.startswith("It was offered to amy"))) > begin


async def test_a_caller_who_gave_up_tells_who_could_have_answered(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    amy = await site.signed_in("amy", extension="201")
    await amy.send("PUT", "/me/presence", {"state": "away", "reason": "break"})
    await site.call(REF)
    await site.dispatcher.submit(CallerLeft(REF))

    told = await explanation(sue)

    assert (told["state"]["stage"], told["chosen"]) == ("closed", None)
    assert "  Nobody who is signed in could take it." not in told["sentences"]
    assert {one["handler"]: one["reason"]["code"] for one in told["waited"]["waiting"]["handlers"]} == {
        "amy": "away", "sue": "offline_unable"
    }  # fmt: skip


@pytest.mark.parametrize("typed", ["k7m2-9qxr", "K7M29QXR", "k7m2 9qxr", "K7M2–9QXR"])
async def test_a_reference_is_taken_however_it_is_typed(site: Site, typed: str) -> None:
    sue = await site.signed_in("sue", "supervisor")
    await site.text("K7M2-9QXR")

    status, told = await sue.get(f"/contacts/{typed}/explanation", params={"reason": "test"})

    assert (status, told["reference"]) == (200, "K7M2-9QXR")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1969-12-31T00:00:00Z"])
async def test_a_time_before_all_clocks_is_refused(site: Site, at: str) -> None:
    sue = await site.signed_in("sue", "supervisor")
    await site.text(REF)

    status, problem = await sue.get(PATH, params={"reason": "test", "at": at})

    assert (status, problem["errors"]) == (400, [{"field": "at", "why": "lies before 1970"}])


async def test_a_handler_is_told_of_their_own_contact_only(site: Site) -> None:
    amy, ben = await site.signed_in("amy", available=True), await site.signed_in("ben")
    await site.text(REF)
    await site.answer(REF)

    assert (await amy.get(PATH))[0] == 200
    status, problem = await ben.get(f"{PATH}?reason=curious")
    assert (status, problem["detail"]) == (
        403,
        "This contact is not with you: ask a supervisor why it went where it went.",
    )


async def test_asking_is_on_record_and_needs_a_reason(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    await site.text(REF)

    assert (await sue.get(PATH))[0] == 400
    await explanation(sue)

    (row,) = [row for row in await site.rows("Recorded", REF) if "explanation" in row.document]
    assert (row.actor, '"why":"complaint"' in row.document) == ("handler:sue", True)


async def test_what_cannot_be_told_is_said_in_words(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    before = datetime.now(UTC)
    await site.text(REF)
    late = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    status, problem = await sue.get(PATH, params={"reason": "test", "at": late})
    assert (status, problem["errors"]) == (400, [{"field": "at", "why": "is in the future"}])
    status, problem = await sue.get(PATH, params={"reason": "test", "at": before.isoformat()})
    assert status == 404
    assert problem["detail"].startswith(f"There was no contact {REF} yet at ")
    assert (await sue.get("/contacts/XXXX/explanation", params={"reason": "test"}))[0] == 404
    assert (await sue.get(PATH, params={"reason": "test", "at": "2026-11-25T03:12"}))[0] == 400, "no time zone"


async def test_whether_the_routing_rules_were_those_of_now(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    await site.text(REF)
    assert (await explanation(sue))["rules_then"] == "", "no start was noted before it came"

    rules = Rules.of(site.settings)
    await site.dispatcher.submit(started_with(rules))
    await site.text("AAAA-0002", sender="+441632960009")
    _, told = await sue.get("/contacts/AAAA-0002/explanation", params={"reason": "test"})
    assert told["rules_then"] == "same"

    slower = rules.routing.model_copy(update={"owner_first_seconds": 99.0})
    other = Rules(rules.queues, slower, rules.follow_ups, rules.calendars)
    assert digest_of(other) != digest_of(rules)
    await site.dispatcher.submit(started_with(other))
    _, told = await sue.get("/contacts/AAAA-0002/explanation", params={"reason": "test"})
    assert told["rules_then"] == "other"
    assert told["rules_now"] == "other"
    assert told["sentences"][-2].startswith("Other routing rules were in force then: needs, turns and limits are told")
    assert told["sentences"][-1].startswith("The gateway last started with other routing rules than those of the conf")
