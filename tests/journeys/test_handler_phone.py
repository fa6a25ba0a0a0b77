"""What a handler does with a caller at their own telephone: passing on, asking first, holding, answering by itself."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.sandbox.client import ApiError
from gateway.sandbox.person import BUSY, SILENT
from gateway.sandbox.phone import Phone
from gateway.sandbox.phone_acts import PHONE_ACTS
from gateway.sandbox.world import OUTSIDE_ANSWERS, World
from tests.journeys.test_conversation import Talk, other_than, talking
from tests.support.steps import contact, does_not_hear, eventually, everybody_away, hears, kinds, stage, wrap_up

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXTENSIONS = {"anna": "201", "ben": "202", "chloe": "203"}


def at(talk: Talk, who: str) -> str:
    return f"sip:{who}@{talk.world.settings.edge.domain}"


async def told(phone: Phone, since: float) -> dict[str, Any]:
    """The last that the phone hears of the transfer it asked for."""

    def last() -> dict[str, Any] | None:
        return next((e.facts for e in phone.log if e.name == "transfer" and e.at >= since and e.facts["final"]), None)

    async def heard() -> bool:
        return last() is not None

    await eventually(heard)
    final = last()
    assert final is not None
    return final


async def test_a_phone_passes_its_caller_on_like_the_desk_does(world: World) -> None:
    async with talking(world) as talk:
        other, since = other_than(talk), time.time()
        colleague = world.phones[other]
        await talk.phone.transfer(at(talk, EXTENSIONS[other]))

        # the caller hears music, and stays the first handler's, until a human has answered
        await colleague.wait_for("ringing", 5)
        await does_not_hear(talk.caller, talk.phone)
        shown = await contact(await world.api("sam"), talk.reference)
        assert shown["handler"] == talk.name
        assert [(g["role"], g["handler"]) for g in shown["guests"]] == [("transfer", other)]
        await colleague.answer()

        await hears(colleague, talk.caller)
        await hears(talk.caller, colleague)
        assert (await told(talk.phone, since))["code"] == 200
        await talk.phone.wait_for("idle", 3)
        assert await talk.handler() == other
        assert {"PartyRung", "CallPassed"} <= set(await kinds(await world.api("sam"), talk.reference))
        await talk.over(talk.name, other)


async def test_a_target_of_the_phone_that_is_busy_gives_the_caller_back_and_another_can_be_tried(world: World) -> None:
    async with talking(world) as talk:
        world.behave(world.public, BUSY)
        since = time.time()
        await talk.phone.transfer(at(talk, "+441632960555"))

        final = await told(talk.phone, since)
        assert (final["code"], final["reason"]) == (486, "was busy (SIP 486)")
        await hears(talk.caller, talk.phone)
        await hears(talk.phone, talk.caller)
        assert await talk.handler() == talk.name

        world.behave(world.public, OUTSIDE_ANSWERS)
        since = time.time()
        await talk.phone.transfer(at(talk, "01632960555"))
        await hears(world.public, talk.caller)
        assert (await told(talk.phone, since))["code"] == 200
        assert await stage(await world.api("sam"), talk.reference) == "passed"
        await talk.over(talk.name)


async def test_what_the_desk_may_not_the_phone_may_not_either_and_both_are_told_why(world: World) -> None:
    async with talking(world) as talk:
        other = other_than(talk)
        await (await world.api(other)).put("me/presence", {"state": "away", "reason": "break"})

        refusals = {
            "999": "emergency number",
            "0044999": "emergency number",
            "299": "Nobody has extension 299; there are: 201 (Anna Ashworth), ",
            EXTENSIONS[other]: "away",
        }
        for keyed, why in refusals.items():
            since = time.time()
            await talk.phone.transfer(at(talk, keyed))
            final = await told(talk.phone, since)
            assert final["code"] == 403
            assert why in final["reason"]
            refused = await talk.live.wait_for("TransferRefused", contact=talk.reference)
            assert why in refused["data"]["why"]
        assert world.phones[other].state == "idle"

        # a caller may not at all
        since = time.time()
        await talk.caller.transfer(at(talk, "+441632960555"))

        assert (await told(talk.caller, since))["code"] == 405
        await hears(talk.phone, talk.caller)
        await hears(talk.caller, talk.phone)
        assert world.public.state == "idle"
        await talk.over(talk.name)


async def test_a_phone_asks_a_colleague_and_then_passes_the_caller_into_that_call(world: World) -> None:
    async with talking(world) as talk:
        other = other_than(talk)
        colleague = world.phones[other]
        await talk.phone.hold()
        await talk.phone.ask(at(talk, EXTENSIONS[other]))
        await colleague.wait_for("ringing", 5)
        await colleague.answer()
        await talk.phone.wait_for_event("second", 5)
        await hears(colleague, talk.phone)
        await does_not_hear(colleague, talk.caller)

        since = time.time()
        await talk.phone.transfer()

        # the colleague's phone does not even ring: the caller takes the place of the first handler
        await colleague.wait_for_event("replaced", 5)
        await hears(colleague, talk.caller)
        await hears(talk.caller, colleague)
        assert (await told(talk.phone, since))["code"] == 200
        await talk.phone.wait_for("idle", 3)
        assert await talk.handler() == other
        await talk.over(talk.name, other)


async def test_a_colleague_who_was_asked_and_has_hung_up_since_is_rung_again(world: World) -> None:
    async with talking(world) as talk:
        other = other_than(talk)
        over = "?Replaces=gone%3Bto-tag%3Da%3Bfrom-tag%3Db"
        await talk.phone.transfer(f"<{at(talk, EXTENSIONS[other])}{over}>")

        await world.phones[other].wait_for("ringing", 5)
        await world.phones[other].answer()
        await hears(world.phones[other], talk.caller)
        assert await talk.handler() == other
        await talk.over(talk.name, other)


async def test_a_caller_whom_the_phone_holds_hears_music_and_it_is_shown(world: World) -> None:
    async with talking(world) as talk:
        sam = await world.api("sam")
        await talk.phone.hold()
        held = await talk.live.wait_for("HeldChanged", contact=talk.reference)
        assert (held["data"]["held"], held["data"]["where"]) == (True, "phone")
        assert (await contact(sam, talk.reference))["held_at_phone"]
        await does_not_hear(talk.caller, talk.phone)
        assert talk.caller.state == "talking"

        # either holds: the phone's end does not lift the desk's
        await talk.do("put", "/hold", {"held": True})
        await talk.phone.hold(on=False)
        await talk.live.wait_for("HeldChanged", contact=talk.reference)
        back = await talk.live.wait_for("HeldChanged", contact=talk.reference)
        assert (back["data"]["held"], back["data"]["where"]) == (False, "phone")
        await does_not_hear(talk.caller, talk.phone)

        # and the desk's end does not lift the phone's, which it says
        await talk.phone.hold()
        await talk.live.wait_for("HeldChanged", contact=talk.reference)
        await talk.do("put", "/hold", {"held": False})
        await talk.live.wait_for("HeldChanged", contact=talk.reference)
        with pytest.raises(ApiError) as refused:
            await talk.do("put", "/hold", {"held": False})
        assert "take them back there" in refused.value.detail
        await talk.phone.hold(on=False)
        await hears(talk.caller, talk.phone)
        await hears(talk.phone, talk.caller)
        shown = await contact(sam, talk.reference)
        assert (shown["held"], shown["held_at_phone"]) == (False, False)
        await talk.over(talk.name)


async def test_a_caller_whose_line_breaks_is_shown_and_not_let_go(world: World) -> None:
    async with talking(world) as talk:
        talk.caller.kill()  # no BYE: only their sound stops

        lost = await talk.live.wait_for("SoundChanged", 15, contact=talk.reference)
        assert (lost["data"]["leg"], lost["data"]["sound"]) == ("caller", "lost")
        shown = await contact(await world.api("sam"), talk.reference)
        assert (shown["no_sound"], shown["live"]) == (["caller"], True)
        assert talk.phone.state == "talking"

        await talk.phone.hang_up()
        await talk.live.wait_for("CallEnded", contact=talk.reference)
        assert (await contact(await world.api("sam"), talk.reference))["no_sound"] == []
        await wrap_up(world, talk.name, talk.reference)


async def test_a_phone_answers_by_itself_and_its_handler_hears_a_tone_before_the_caller(world: World) -> None:
    sam = await world.api("sam")
    await PHONE_ACTS["auto-answer"](world, world.phones["anna"], "")
    await everybody_away(world, but="anna")
    world.behave(world.phones["anna"], SILENT)
    phone = world.phones["anna"]
    try:
        async with sam.live() as live, await world.caller() as caller:
            reference = (await live.wait_for("CallArrived"))["contact"]
            await live.wait_for("OfferAccepted", contact=reference)
            assert phone.incoming_headers["answer-mode"] == "Auto"
            assert "answer-after=0" in phone.incoming_headers["call-info"]
            await hears(phone, caller)
            await hears(caller, phone)
            await caller.hang_up()
            await live.wait_for("CallerLeft", contact=reference)
            await phone.wait_for("idle", 3)
        await wrap_up(world, "anna", reference)
    finally:
        await PHONE_ACTS["by-hand"](world, world.phones["anna"], "")
