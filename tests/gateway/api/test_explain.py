"""Why a contact went where it went, asked by supervisors of any, by handlers of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.api.models import moment
from gateway.explain import digest_of, started_with
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
    assert told["sentences"][-1].startswith("The routing rules have changed since")
