"""What a handler does with a caller on the line: hold, pass on, ask a colleague, bring an interpreter in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.sandbox.client import ApiError, Client, Live
from gateway.sandbox.demo import WITH_PHONE
from gateway.sandbox.person import BUSY, SILENT
from gateway.sandbox.phone import Phone
from gateway.sandbox.world import OUTSIDE_ANSWERS, World
from tests.support.steps import (
    answered_by,
    contact,
    does_not_hear,
    eventually,
    everybody_away,
    hears,
    kinds,
    press_until,
    settle,
    stage,
    wrap_up,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Talk:
    """A caller and a handler who talk with each other."""

    world: World
    live: Live
    reference: str
    name: str
    phone: Phone
    caller: Phone
    client: Client

    async def do(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        call = {"put": self.client.put, "post": self.client.post}[method]
        return await call(f"contacts/{self.reference}/call{path}", body or {})

    async def bring(self, role: str, **to: str) -> Any:
        return await self.do("post", "/third", {"role": role, "to": to})

    async def drop(self) -> None:
        await self.client.delete(f"contacts/{self.reference}/call/third")

    async def handler(self) -> str:
        return str((await contact(await self.world.api("sam"), self.reference))["handler"])

    async def over(self, *wrapping: str) -> None:
        """The caller hangs up, everybody is released, the contact is closed."""
        await self.caller.hang_up()
        await self.live.wait_for("CallerLeft", contact=self.reference)
        for phone in self.world.phones.values():
            await phone.wait_for("idle", 3)
        for name in wrapping:
            await wrap_up(self.world, name, self.reference)
        assert await stage(await self.world.api("sam"), self.reference) == "closed"


@asynccontextmanager
async def talking(world: World) -> AsyncIterator[Talk]:
    sam = await world.api("sam")
    async with sam.live() as live, await world.caller() as caller:
        reference = (await live.wait_for("CallArrived"))["contact"]
        name, phone = await answered_by(world, live, reference)
        await hears(phone, caller)
        yield Talk(world, live, reference, name, phone, caller, await world.api(name))


def other_than(talk: Talk) -> str:
    return "ben" if talk.name != "ben" else "anna"


async def test_a_caller_on_hold_hears_music_and_the_handler_not_them(world: World) -> None:
    async with talking(world) as talk:
        await talk.do("put", "/hold", {"held": True})
        await talk.live.wait_for("HeldChanged", contact=talk.reference)

        await does_not_hear(talk.caller, talk.phone)
        await does_not_hear(talk.phone, talk.caller)

        await talk.do("put", "/hold", {"held": False})
        await hears(talk.caller, talk.phone)
        await hears(talk.phone, talk.caller)

        await talk.do("put", "/mute", {"muted": True})
        await talk.live.wait_for("MutedChanged", contact=talk.reference)
        await does_not_hear(talk.caller, talk.phone)
        await hears(talk.phone, talk.caller)
        await talk.over(talk.name)


async def test_a_blind_transfer_to_a_colleague_moves_the_caller_and_the_contact(world: World) -> None:
    async with talking(world) as talk:
        other = other_than(talk)
        colleague = world.phones[other]
        await talk.bring("transfer", handler=other)

        # the caller is kept away from nobody but by music until a human has answered
        await colleague.wait_for("ringing", 5)
        assert await talk.handler() == talk.name
        await colleague.answer()
        await talk.live.wait_for("CallPassed", contact=talk.reference)

        await hears(colleague, talk.caller)
        await hears(talk.caller, colleague)
        await talk.phone.wait_for("idle", 3)
        assert await talk.handler() == other
        shown = await contact(await world.api("sam"), talk.reference)
        assert shown["wrap_ups"] == [talk.name]

        # and it can be passed on again, back to the first
        await wrap_up(world, talk.name, talk.reference)
        again = await world.api(other)
        body = {"role": "transfer", "to": {"handler": talk.name}}
        await again.post(f"contacts/{talk.reference}/call/third", body)
        await talk.phone.wait_for("ringing", 5)
        await talk.phone.answer()
        await hears(talk.phone, talk.caller)
        await colleague.wait_for("idle", 3)
        await talk.over(other, talk.name)


async def test_a_transfer_target_that_is_busy_gives_the_caller_back_to_the_handler(world: World) -> None:
    async with talking(world) as talk:
        world.behave(world.public, BUSY)
        await talk.bring("transfer", number="+441632960555")

        left = await talk.live.wait_for("PartyLeft", contact=talk.reference)
        assert "486" in left["data"]["why"]
        await hears(talk.caller, talk.phone)
        await hears(talk.phone, talk.caller)
        assert await talk.handler() == talk.name
        await talk.over(talk.name)


async def test_a_colleague_is_asked_first_and_then_gets_the_caller(world: World) -> None:
    async with talking(world) as talk:
        other = other_than(talk)
        colleague = world.phones[other]
        await talk.bring("consult", handler=other)
        await colleague.wait_for("ringing", 5)
        await colleague.answer()

        # the two talk alone
        await talk.live.wait_for("PartyAnswered", contact=talk.reference)
        await hears(colleague, talk.phone)
        await does_not_hear(colleague, talk.caller)
        await does_not_hear(talk.caller, talk.phone)

        await talk.do("post", "/third/complete")
        await hears(colleague, talk.caller)
        await talk.phone.wait_for("idle", 3)
        assert await talk.handler() == other
        await talk.over(talk.name, other)


async def test_giving_a_consultation_up_returns_to_the_caller_and_frees_the_colleague(world: World) -> None:
    async with talking(world) as talk:
        other = other_than(talk)
        await talk.bring("consult", handler=other)
        await world.phones[other].wait_for("ringing", 5)

        await talk.drop()

        await world.phones[other].wait_for("idle", 3)
        await hears(talk.phone, talk.caller)
        sam = await world.api("sam")

        async def free() -> bool:
            handlers = await sam.get("handlers")
            return all(h["doing"] == "nothing" for h in handlers if h["id"] == other)

        await eventually(free)
        await talk.over(talk.name)


async def test_a_handler_who_hangs_up_while_the_target_rings_leaves_the_caller_to_it(world: World) -> None:
    async with talking(world) as talk:
        world.behave(world.public, SILENT)
        await talk.bring("transfer", number="+441632960555")
        await world.public.wait_for("ringing", 5)
        await talk.phone.hang_up()
        await talk.phone.wait_for("idle", 3)

        await world.public.answer()
        await hears(world.public, talk.caller)
        await hears(talk.caller, world.public)
        assert await stage(await world.api("sam"), talk.reference) == "passed"

        # when the outside party hangs up, the conversation is over
        await world.public.hang_up()
        await talk.live.wait_for("CallEnded", contact=talk.reference)
        await talk.caller.wait_for("idle", 3)
    await wrap_up(world, talk.name, talk.reference)


async def test_a_transfer_that_fails_after_the_handler_has_gone_puts_the_caller_back_in_line(world: World) -> None:
    async with talking(world) as talk:
        world.behave(world.public, SILENT)
        await talk.bring("transfer", number="+441632960555")
        await world.public.wait_for("ringing", 5)
        await talk.phone.hang_up()
        await talk.phone.wait_for("idle", 3)
        await world.public.refuse(486)

        name, phone = await answered_by(world, talk.live, talk.reference)
        assert name != talk.name
        await hears(phone, talk.caller)
        await talk.over(talk.name, name)


async def test_a_caller_is_passed_to_another_queue(world: World) -> None:
    chloe = await world.api("chloe")
    await chloe.put("me/presence", {"state": "away", "reason": "break"})
    async with talking(world) as talk:
        await chloe.put("me/presence", {"state": "available"})
        await talk.do("post", "/queue", {"queue": "crime", "why": "wants to report a theft"})

        await talk.phone.wait_for("idle", 3)
        await talk.live.wait_for("Requeued", contact=talk.reference)
        await world.phones["chloe"].wait_for("ringing", 5)
        await world.phones["chloe"].answer()
        await hears(world.phones["chloe"], talk.caller)
        assert await talk.handler() == "chloe"
        await talk.over(talk.name, "chloe")


async def test_a_caller_is_passed_to_the_voicemail_of_a_colleague(world: World) -> None:
    async with talking(world) as talk:
        colleague = other_than(talk)
        extension = next(account.extension for account in WITH_PHONE if account.id == colleague)
        await talk.do("post", "/voicemail", {"of": extension})

        await talk.phone.wait_for("idle", 3)
        passed = await talk.live.wait_for("CallPassed", contact=talk.reference)
        assert passed["data"]["handler"] == talk.name, "who had the caller is in their wrap-up"
        left = await press_until(talk.live, "VoicemailLeft", talk.reference, talk.caller, "#")
        assert left["data"]["extension"] == extension
        await talk.live.wait_for("CallEnded", contact=talk.reference)
        await talk.caller.wait_for("idle", 5)
        await wrap_up(world, talk.name, talk.reference)
    heard_by = await contact(await world.api("sam"), talk.reference)
    assert (heard_by["owner"], heard_by["work"]) == (colleague, "review"), "the message is theirs to hear"
    await settle(world, talk.reference)


async def test_an_interpreter_joins_and_is_rung_again_when_the_line_drops(world: World) -> None:
    async with talking(world) as talk:
        world.behave(world.public, OUTSIDE_ANSWERS)
        await talk.bring("interpreter", language="polish")
        await talk.live.wait_for("PartyAnswered", contact=talk.reference)
        await hears(talk.caller, talk.phone, world.public)

        await world.public.hang_up()
        await talk.live.wait_for("PartyLeft", contact=talk.reference)
        await hears(talk.caller, talk.phone)

        await talk.live.wait_for("PartyAnswered", contact=talk.reference)
        await hears(talk.caller, talk.phone, world.public)

        await talk.drop()
        await world.public.wait_for("idle", 3)
        await hears(talk.caller, talk.phone)
        await talk.over(talk.name)


async def test_the_control_room_joins_a_conference_of_three(world: World) -> None:
    async with talking(world) as talk:
        world.behave(world.public, OUTSIDE_ANSWERS)
        await talk.bring("interpreter", language="polish")
        await talk.live.wait_for("PartyAnswered", contact=talk.reference)

        await talk.client.post(f"contacts/{talk.reference}/emergency", {"how": "he says he has a knife"})
        await talk.live.wait_for("ControlRoomJoined", contact=talk.reference)

        await hears(world.control_rooms[0], talk.caller, talk.phone, world.public)
        await talk.over(talk.name)


async def test_what_cannot_be_is_refused_in_words(world: World) -> None:
    async with talking(world) as talk:
        other = other_than(talk)
        await (await world.api(other)).put("me/presence", {"state": "away", "reason": "break"})

        with pytest.raises(ApiError) as refused:
            await talk.bring("transfer", handler=other)
        assert refused.value.status == 409

        with pytest.raises(ApiError) as refused:
            await talk.bring("transfer", number="999")
        assert refused.value.status == 400

        with pytest.raises(ApiError) as refused:
            await talk.do("post", "/third/complete")
        assert refused.value.status == 409
        await hears(talk.phone, talk.caller)
        await talk.over(talk.name)


async def test_a_gateway_that_dies_in_a_consultation_finds_it_again_and_can_complete_it(world: World) -> None:
    async with talking(world) as talk:
        other = other_than(talk)
        colleague = world.phones[other]
        await talk.bring("consult", handler=other)
        await colleague.wait_for("ringing", 5)
        await colleague.answer()
        await talk.live.wait_for("PartyAnswered", contact=talk.reference)

        await world.kill_gateway()
        await hears(colleague, talk.phone)
        await world.start_gateway()

        async def completed() -> bool:
            try:
                await talk.do("post", "/third/complete")
            except ApiError:
                return False
            return True

        await eventually(completed)
        await hears(colleague, talk.caller)
        await talk.phone.wait_for("idle", 3)
        assert "CallPassed" in await kinds(await world.api("sam"), talk.reference)
        await talk.caller.hang_up()
        await colleague.wait_for("idle", 3)
    await wrap_up(world, talk.name, talk.reference)
    await wrap_up(world, other, talk.reference)


async def test_a_supervisor_listens_whispers_barges_and_takes_over(world: World) -> None:
    async with talking(world) as talk:
        sam, phone = await world.api("sam"), world.phones["sam"]
        path = f"contacts/{talk.reference}/call/supervision"
        await sam.put(path, {"mode": "listen", "reason": "new handler"})
        await phone.wait_for("ringing", 5)
        await phone.answer()
        await hears(phone, talk.caller, talk.phone)
        await does_not_hear(talk.caller, phone)
        await does_not_hear(talk.phone, phone)

        await sam.put(path, {"mode": "whisper", "reason": "advice"})
        await hears(talk.phone, phone, talk.caller)
        await does_not_hear(talk.caller, phone)

        await sam.put(path, {"mode": "barge", "reason": "advice"})
        await hears(talk.caller, phone, talk.phone)

        await sam.post(f"contacts/{talk.reference}/call/take-over", {"reason": "complaint"})
        await talk.phone.wait_for("idle", 3)
        await hears(talk.caller, phone)
        await hears(phone, talk.caller)
        assert await talk.handler() == "sam"
        rows = await sam.get(f"contacts/{talk.reference}/journal", reason="test")
        assert any("supervision of the call: listen" in str(row) for row in rows)
        await talk.over(talk.name, "sam")


async def test_a_fifth_on_the_line_is_refused_in_words_and_nobody_is_dialled(world: World) -> None:
    async with talking(world) as talk:
        sam, phone = await world.api("sam"), world.phones["sam"]
        await sam.put(f"contacts/{talk.reference}/call/supervision", {"mode": "listen", "reason": "new handler"})
        await phone.wait_for("ringing", 5)
        await phone.answer()
        await hears(phone, talk.caller)
        await talk.caller.digits("55")
        await hears(world.control_rooms[0], talk.caller)

        with pytest.raises(ApiError, match="The line is full"):
            await talk.bring("conference", number="+441632960555")

        assert phone.state == "talking", "there was room for the control room, too"
        guests = (await contact(sam, talk.reference))["guests"]
        assert [guest["role"] for guest in guests] == ["supervisor"]
        await talk.over(talk.name)


async def test_a_handler_calls_the_person_of_a_contact_back_by_hand(world: World) -> None:
    await everybody_away(world, but="anna")
    async with talking(world) as talk:
        await talk.caller.hang_up()
        await talk.live.wait_for("CallerLeft", contact=talk.reference)
        await talk.phone.wait_for("idle", 3)

        await talk.client.post(f"contacts/{talk.reference}/call", {"address": "+441632960888", "withheld": True})
        await talk.phone.wait_for("ringing", 5)
        await talk.phone.answer()
        await talk.live.wait_for("FollowUpAnswered", contact=talk.reference)
        await hears(world.public, talk.phone)
        await hears(talk.phone, world.public)
        assert "anonymous" in world.public.incoming_headers["from"]
        await world.public.hang_up()
        await talk.phone.wait_for("idle", 3)

        await talk.client.put(f"contacts/{talk.reference}/safety", {"calling": "never"})
        with pytest.raises(ApiError) as refused:
            await talk.client.post(f"contacts/{talk.reference}/call", {"address": "+441632960888"})
        assert refused.value.status == 409
    await wrap_up(world, talk.name, talk.reference)
