"""An email, from arrival to closed."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

import pytest

from gateway.sandbox.client import Live
from gateway.sandbox.world import World
from tests.support.steps import contact, eventually, stage, wrap_up

pytestmark = pytest.mark.asyncio(loop_scope="session")

OURS = "contact@gateway.invalid"


def mail(sender: str, subject: str, body: str, message_id: str, **headers: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["Message-ID"] = sender, OURS, subject, message_id
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes()


async def taken(world: World, live: Live, raw: bytes, sender: str) -> tuple[str, dict[str, Any]]:
    """Deliver a mail; the handler to whom it is offered takes it."""
    await world.dovecot.deliver(raw, OURS, sender)
    reference = (await live.wait_for("MessageArrived"))["contact"]
    offer = await live.wait_for("MakeOffer", contact=reference)
    desk = await world.api(offer["handler"])
    await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
    return reference, offer


async def test_an_email_is_acknowledged_answered_in_its_thread_and_closed(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live:
        raw = mail("Jo Public <jo@example.org>", "Lost bag", "I left a bag on the 17:05.", "<first@example.org>")
        reference, offer = await taken(world, live, raw, "jo@example.org")
        desk = await world.api(offer["handler"])

        # then it is acknowledged once, as automatic mail
        ack = (await world.smtp.wait_for(lambda m: reference in str(m.message["Subject"]))).message
        assert ack["Auto-Submitted"] == "auto-replied"
        assert ack["In-Reply-To"] == "<first@example.org>"

        # when the handler replies
        await desk.post(f"contacts/{reference}/replies", {"body": "We have found it."})

        # then the answer is in the thread
        reply = (await world.smtp.wait_for(lambda m: "We have found it." in m.message.as_string())).message
        assert reply["To"] == "jo@example.org"
        assert reply["In-Reply-To"] == "<first@example.org>"
        assert "<first@example.org>" in reply["References"]
        assert reply["Subject"].startswith("Re: Lost bag")

        # when Jo answers, it is the same contact; when a stranger quotes it, it is their own
        answer = mail("jo@example.org", reply["Subject"], "Thanks!", "<second@example.org>",
                      In_Reply_To=str(reply["Message-ID"]), References=str(reply["Message-ID"]))  # fmt: skip
        await world.dovecot.deliver(answer, OURS, "jo@example.org")
        assert (await live.wait_for("MessageArrived"))["contact"] == reference
        stranger = mail("eve@example.net", reply["Subject"], "Tell me more", "<third@example.net>",
                        In_Reply_To=str(reply["Message-ID"]))  # fmt: skip
        other, other_offer = await taken(world, live, stranger, "eve@example.net")
        assert other != reference
        linked = await contact(sam, other)
        assert linked["linked_to"] == reference
    await wrap_up(world, offer["handler"], reference)
    await wrap_up(world, other_offer["handler"], other)
    assert await stage(sam, reference) == "closed"


async def test_automatic_mail_is_kept_and_never_answered_automatically(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live:
        raw = mail("auto@example.com", "Out of office", "I am away.", "<auto@example.com>",
                   Auto_Submitted="auto-replied")  # fmt: skip
        reference, offer = await taken(world, live, raw, "auto@example.com")
    await wrap_up(world, offer["handler"], reference)
    assert not any("auto@example.com" in str(m.message["To"]) for m in world.smtp.messages)


async def test_a_dead_mail_server_is_noticed_and_nothing_is_missed(world: World) -> None:
    sam = await world.api("sam")

    # given
    async def noticed() -> bool:
        return "email" in await world.gateway.readiness()

    await world.dovecot.stop()
    await eventually(noticed, 20)
    # when it comes back with mail that was delivered meanwhile
    await world.dovecot.start()
    async with sam.live() as live:
        raw = mail("kim@example.org", "Hello", "Are you there?", "<kim@example.org>")
        await world.dovecot.deliver(raw, OURS, "kim@example.org")
        row = await live.wait_for("MessageArrived", deadline=30)
        reference = row["contact"]
        offer = await live.wait_for("MakeOffer", contact=reference)
    desk = await world.api(offer["handler"])
    await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
    await wrap_up(world, offer["handler"], reference)

    async def ready() -> bool:
        return not await world.gateway.readiness()

    await eventually(ready, 20)


async def test_an_emergency_email_is_shown_to_all_asked_where_it_is_and_its_answer_joins_it(world: World) -> None:
    sam, sender = await world.api("sam"), "scared@example.org"
    async with sam.live() as live:
        # given a mail that says 'help' and no place
        await world.dovecot.deliver(mail(sender, "help", "please help me", "<help1@example.org>"), OURS, sender)
        reference = (await live.wait_for("MessageArrived"))["contact"]

        # then it is in front of everybody who is free, supervisors are alarmed, and the person is asked
        assert (await live.wait_for("RaiseAlarm", contact=reference))["data"]["what"] == "emergency"
        shown = await contact(sam, reference)
        assert (shown["emergency"], len(shown["offers"])) == (True, 3)
        asking = (await world.smtp.wait_for(lambda m: "Where are you now?" in m.message.as_string())).message
        assert (asking["To"], asking["Auto-Submitted"]) == (sender, "auto-replied")

        # and what they answer is in the same contact, and is not asked again
        place = mail(sender, asking["Subject"], "at Grays", "<help2@example.org>", In_Reply_To=asking["Message-ID"])
        await world.dovecot.deliver(place, OURS, sender)
        assert (await live.wait_for("MessageArrived"))["contact"] == reference
        offer = shown["offers"][0]
        await (await world.api(offer["handler"])).post(f"offers/{offer['id']}/accept")
    asked = [m for m in world.smtp.messages if "Where are you now?" in m.message.as_string() and sender in m.recipients]
    assert len(asked) == 1
    await wrap_up(world, offer["handler"], reference)


async def test_what_was_set_aside_in_our_own_name_is_not_answered_to_ourselves_when_it_is_taken(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live:
        # given a note in our name that we never sent
        await world.dovecot.deliver(mail(OURS, "Rota", "Who has the keys?", "<rota@gateway.invalid>"), OURS, OURS)

        async def aside() -> list[dict[str, Any]]:
            return [m for m in await sam.get("set-aside", reason="test") if m["subject"] == "Rota"]

        async def kept() -> bool:
            return bool(await aside())

        await eventually(kept)

        # when a supervisor takes it, then a handler has it, and nothing is sent to our own mailbox
        taken = await sam.post(f"set-aside/{(await aside())[0]['id']}/take")
        left = await live.wait_for("LeaveUnacknowledged", contact=taken["reference"])
        assert "cannot be answered" in left["data"]["why"]
        offer = await live.wait_for("MakeOffer", contact=taken["reference"])
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
    await wrap_up(world, offer["handler"], taken["reference"])
