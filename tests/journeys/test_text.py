"""A text, from arrival to closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import aiohttp
import pytest

from gateway.sandbox.client import ApiError, Client, Live
from gateway.sandbox.world import World
from tests.support.steps import contact, eventually, kinds, stage, wrap_up

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINE = "61016"


async def test_a_text_is_acknowledged_offered_answered_and_closed(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live:
        # given a text from the public
        assert await world.carrier.text_in("+447700900201", LINE, "someone smoking in coach 3") == 200
        arrived = await live.wait_for("MessageArrived")
        reference = arrived["contact"]

        # then it is acknowledged with its reference
        acknowledged = await world.carrier.wait_for_sent(lambda m: m.recipient == "+447700900201")
        assert reference in acknowledged.body

        # and offered to a handler who takes it and reads it
        offer = await live.wait_for("MakeOffer", contact=reference)
        name = offer["handler"]
        desk = await world.api(name)
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
        conversation = await desk.get(f"contacts/{reference}/messages")
        assert conversation[0]["body"] == "someone smoking in coach 3"

        # when the person writes again, it is the same contact
        await world.carrier.text_in("+447700900201", LINE, "it is coach 4")
        again = await live.wait_for("MessageArrived")
        assert again["contact"] == reference

        # when the handler replies, the text leaves once and its delivery is known
        await desk.post(f"contacts/{reference}/replies", {"body": "Thank you. An officer will meet the train."})
        sent = await world.carrier.wait_for_sent(lambda m: "meet the train" in m.body)
        assert (sent.recipient, sent.sender) == ("+447700900201", LINE)

        async def delivered() -> bool:
            messages = await desk.get(f"contacts/{reference}/messages")
            return any(m["status"] == "delivered" and "meet the train" in m["body"] for m in messages)

        await eventually(delivered)
    await wrap_up(world, name, reference)
    assert await stage(sam, reference) == "closed"
    assert "Acknowledge" in await kinds(sam, reference)
    assert [m.recipient for m in world.carrier.outbox].count("+447700900201") == 2, "one acknowledgement, one reply"
    assert world.carrier.violations == []


async def test_a_text_that_sounds_like_an_emergency_is_raised_and_shows_why(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live:
        # given a text that asks for nobody, and speaks of a knife
        words = "man with knife, 7pm Southend to Liverpool St, he got off at Grays"
        assert await world.carrier.text_in("+447700900209", LINE, words) == 200
        arrived = await live.wait_for("MessageArrived")
        reference = arrived["contact"]

        # then the contact is an emergency, says why, and what it names
        shown = await contact(sam, reference)
        assert shown["emergency"]
        assert 'sounds like an emergency: "man with knife" (weapon)' in shown["sounds_like"]
        assert {"kind": "place", "words": "at Grays"} in shown["found"]

        # and supervisors are alarmed
        alarm = await live.wait_for("RaiseAlarm", contact=reference)
        assert "man with knife" in alarm["data"]["why"]

        # when a handler takes and finishes it, it is over
        offer = await live.wait_for("MakeOffer", contact=reference)
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
    await wrap_up(world, offer["handler"], reference)
    assert await stage(sam, reference) == "closed"


async def test_an_emergency_without_a_place_is_asked_for_it_and_a_silence_is_told(world: World) -> None:
    sam, sender = await world.api("sam"), "+447700900225"
    async with sam.live() as live:
        # given 'help', and nothing more
        await world.carrier.text_in(sender, LINE, "help")
        reference = (await live.wait_for("MessageArrived"))["contact"]
        offer = await live.wait_for("MakeOffer", contact=reference)

        # then they are told that it is read as urgent, and asked where they are
        urgent = await world.carrier.wait_for_sent(lambda m: m.recipient == sender and "call 999" in m.body)
        assert reference in urgent.body
        await world.carrier.wait_for_sent(lambda m: m.recipient == sender and m.body.startswith("Where are you now?"))

        # and when nothing comes back, supervisors are told although a handler has it
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
        while (await live.wait_for("RaiseAlarm", contact=reference))["data"]["what"] != "person_silent":
            pass
    assert await stage(sam, reference) == "assigned"
    await wrap_up(world, offer["handler"], reference)
    assert len([m for m in world.carrier.outbox if m.recipient == sender]) == 2


async def test_a_text_whose_sender_is_not_named_or_that_is_very_long_is_not_lost(world: World) -> None:
    sam, long, references = await world.api("sam"), "and then " * 2000, list[str]()
    async with sam.live() as live:
        # given two people whom the carrier does not name, and one who writes more than any text can hold
        for sender, words in (("", "my bag is gone"), ("", "it is a red one"), ("+447700900232", long)):
            assert await world.carrier.text_in(sender, LINE, words) == 200
            reference = (await live.wait_for("MessageArrived"))["contact"]
            references.append(reference)

            # then each is offered, with all its words
            offer = await live.wait_for("MakeOffer", contact=reference)
            desk = await world.api(offer["handler"])
            await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
            message = (await desk.get(f"contacts/{reference}/messages"))[0]
            assert message["body"] == words
            assert ("From is missing" in message["problems"]) is not bool(sender)
            await wrap_up(world, offer["handler"], reference)
    assert len(set(references)) == 3, "nobody is taken for somebody else"


async def test_what_the_carrier_signed_is_taken_or_an_alarm_says_what_to_do(world: World) -> None:
    sam, carrier, url = await world.api("sam"), world.carrier, world.carrier.webhook_url
    form = {"AccountSid": carrier.account_sid, "From": "+447700900233", "To": LINE, "Body": "my bag is gone"}
    many = form | {"MessageSid": f"SM{uuid4().hex}"} | {f"Extra{n}": "x" for n in range(500)}
    async with sam.live() as live:
        # a form with more fields than anybody expects is a text like any other
        assert await carrier.post_signed(url, many) == 200
        offer = await live.wait_for("MakeOffer", contact=(await live.wait_for("MessageArrived"))["contact"])
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
        await wrap_up(world, offer["handler"], offer["contact"])

        # what is no text, or too large to be looked at, alarms the supervisors with what to do, and is journalled
        assert await carrier.post_signed(url, {"AccountSid": carrier.account_sid}) == 400
        alarm = (await live.wait_for("RaiseAlarm"))["data"]
        assert alarm["what"] == "text_refused"
        assert "twilio" in alarm["why"] and "Find it at the carrier" in alarm["why"]
        assert await carrier.post_signed(url, form | {"Body": "x" * 1_100_000}) == 413
        assert "larger than" in (await live.wait_for("Recorded"))["data"]["why"]

        # a stranger's is only journalled
        async with aiohttp.ClientSession() as web, web.post(url, data=form) as answer:
            assert answer.status == 403
        assert (await live.wait_for("Recorded"))["data"]["by"] == "outside"


async def test_a_text_that_no_webhook_brought_is_fetched_from_the_carrier(world: World) -> None:
    sam, carrier, url = await world.api("sam"), world.carrier, world.carrier.webhook_url
    # given two texts that came a minute ago, while the gateway could not be reached for the second
    minute_ago = datetime.now(UTC) - timedelta(seconds=60)
    async with sam.live() as live:
        assert await carrier.text_in("+447700900231", LINE, "my bag is gone", sent=minute_ago) == 200
        brought = (await live.wait_for("MessageArrived"))["contact"]
        carrier.webhook_url = "http://127.0.0.1:9/nobody"
        assert await carrier.text_in("+447700900231", LINE, "it is a red one", sent=minute_ago) == 502
        carrier.webhook_url = url

        # then it is fetched, joins its contact, is told in the story, and what came by itself stands there once
        assert (await live.wait_for("MessageArrived", deadline=20.0))["contact"] == brought
        assert "no webhook had brought" in (await live.wait_for("Recorded", contact=brought))["data"]["what"]
    bodies = [m["body"] for m in await sam.get(f"contacts/{brought}/messages", reason="test") if m["direction"] == "in"]
    assert sorted(bodies) == ["it is a red one", "my bag is gone"]


async def test_a_sender_to_whom_no_text_can_go_is_shown_and_a_reply_is_refused_at_once(world: World) -> None:
    sam = await world.api("sam")
    for sender, what in (("HSBC", "no telephone number"), ("88222", "a short code")):
        async with sam.live() as live:
            # given a text of somebody who has no number
            assert await world.carrier.text_in(sender, LINE, "your parcel is waiting") == 200
            reference = (await live.wait_for("MessageArrived"))["contact"]
            offer = await live.wait_for("MakeOffer", contact=reference)
            desk = await world.api(offer["handler"])
            await desk.post(f"offers/{offer['data']['offer']['id']}/accept")

        # then a handler reads it, is told, and cannot answer; nothing is tried
        (shown,) = await desk.get(f"contacts/{reference}/messages")
        assert f"{sender} is {what}: no text can be sent there" in shown["problems"]
        with pytest.raises(ApiError, match=f"{sender} is {what}: no text can be sent there"):
            await desk.post(f"contacts/{reference}/replies", {"body": "Who is this?"})
        await wrap_up(world, offer["handler"], reference)
        assert sender not in [m.recipient for m in world.carrier.outbox]


async def test_a_file_that_is_not_accepted_is_shown_as_refused_and_failed_texts_say_why(world: World) -> None:
    sam, sender = await world.api("sam"), "+447700900226"
    async with sam.live() as live:
        media = [("application/x-msdownload", b"MZ" + bytes(100))]
        await world.carrier.text_in(sender, LINE, "open this", media=media)
        reference = (await live.wait_for("MessageArrived"))["contact"]
        offer = await live.wait_for("MakeOffer", contact=reference)
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")

        async def refused() -> bool:
            (attachment,) = (await desk.get(f"contacts/{reference}/messages"))[0]["attachments"]
            return "not accepted here" in attachment["filename"] and not attachment["available"]

        async def acknowledged() -> bool:
            return bool((await desk.get(f"contacts/{reference}/messages"))[-1]["status"] == "delivered")

        await eventually(refused)
        await eventually(acknowledged)

        # a reply is measured before it is sent, and when it is not delivered the desk says why
        length = (await desk.post(f"contacts/{reference}/replies/preview", {"body": "It\u2019s noted"}))["length"]
        assert (length["encoding"], length["segments"], length["beyond"]) == ("UCS-2", 1, "\u2019")
        world.carrier.fail_delivery_next(30003)
        await desk.post(f"contacts/{reference}/replies", {"body": "We cannot open this."})
        while (alarm := await live.wait_for("RaiseAlarm", contact=reference))["data"][
            "what"
        ] != "message_not_delivered":
            pass
        assert "phone is switched off or out of reach" in alarm["data"]["why"]
        sent = (await desk.get(f"contacts/{reference}/messages"))[-1]
        assert (sent["status"], "out of reach" in sent["problems"]) == ("undelivered", True)
    await wrap_up(world, offer["handler"], reference)


async def test_a_picture_is_stored_and_can_be_looked_at(world: World) -> None:
    sam = await world.api("sam")
    picture = b"\x89PNG\r\n\x1a\n" + bytes(2000)
    async with sam.live() as live:
        await world.carrier.text_in("+447700900202", LINE, "look at this", media=[("image/png", picture)])
        reference = (await live.wait_for("MessageArrived"))["contact"]
        offer = await live.wait_for("MakeOffer", contact=reference)
    desk = await world.api(offer["handler"])
    await desk.post(f"offers/{offer['data']['offer']['id']}/accept")

    async def stored() -> bool:
        message = (await desk.get(f"contacts/{reference}/messages"))[0]
        return bool(message["attachments"] and message["attachments"][0]["available"])

    await eventually(stored)
    attachment = (await desk.get(f"contacts/{reference}/messages"))[0]["attachments"][0]
    assert attachment["size"] == len(picture)
    assert await desk.get(f"contacts/{reference}/attachments/{attachment['id']}") == picture
    await wrap_up(world, offer["handler"], reference)


async def test_the_same_text_twice_is_one_message_and_a_forged_one_is_refused(world: World) -> None:
    sam = await world.api("sam")
    async with sam.live() as live:
        sid = "SM" + "7" * 32
        assert await world.carrier.text_in("+447700900203", LINE, "help", message_sid=sid) == 200
        reference = (await live.wait_for("MessageArrived"))["contact"]
        assert await world.carrier.text_in("+447700900203", LINE, "help", message_sid=sid) == 200
        before = (await sam.get("contacts", party="+447700900203", reason="test"))["contacts"]
        assert len(before) == 1

        # a forgery is refused, journalled, and nothing is created
        form = {"From": "+447700900204", "To": LINE, "Body": "forged", "MessageSid": "SM" + "8" * 32}
        url = f"{world.gateway_url}/webhooks/twilio/message"
        async with sam.session.post(url, data=form, headers={"X-Twilio-Signature": "bm8="}) as answer:
            assert answer.status == 403
        refused = await live.wait_for("Recorded")
        while refused["data"]["what"] == "contacts searched":
            refused = await live.wait_for("Recorded")
        assert refused["data"]["what"] == "webhook refused"
        assert (await sam.get("contacts", party="+447700900204", reason="test"))["contacts"] == []
        offer = (await (await world.api("anna")).get("offers")) or (await (await world.api("ben")).get("offers"))
        offer = offer or (await (await world.api("chloe")).get("offers"))
    messages = await sam.get(f"contacts/{reference}/messages", reason="test")
    assert [m["direction"] for m in messages] == ["in", "out", "out"], "one text, its acknowledgement, one question"
    desk = await world.api(offer[0]["handler"])
    await desk.post(f"offers/{offer[0]['id']}/accept")
    await wrap_up(world, offer[0]["handler"], reference)


async def test_texts_out_of_order_are_one_conversation_in_the_senders_order(world: World) -> None:
    """Three texts of one sender overtake each other, then one comes twice: one contact, one ordered thread."""
    sam, sender = await world.api("sam"), "+447700900221"
    start = datetime.now(UTC) - timedelta(seconds=30)
    words = ["he is by the door", "he has a red coat", "he got off now"]
    async with sam.live() as live:
        for n in (1, 2, 0, 0):
            sid, sent = f"SM{n}" + "a" * 31, start + timedelta(seconds=5 * n)
            assert await world.carrier.text_in(sender, LINE, words[n], message_sid=sid, sent=sent) == 200
        reference = (await live.wait_for("MessageArrived"))["contact"]

        async def in_order() -> bool:
            messages = await sam.get(f"contacts/{reference}/messages", reason="test")
            return [m["body"] for m in messages if m["direction"] == "in"] == words

        await eventually(in_order)
        offer = await live.wait_for("MakeOffer", contact=reference)
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
    await wrap_up(world, offer["handler"], reference)
    assert len((await sam.get("contacts", party=sender, reason="test"))["contacts"]) == 1


async def test_a_text_that_its_carrier_brings_hours_late_says_so_and_is_left_to_a_handler(world: World) -> None:
    sam, carrier = await world.api("sam"), world.carrier_of("61017")
    async with sam.live() as live:
        # given a plea that the carrier had five hours ago
        sent = datetime.now(UTC) - timedelta(hours=5, seconds=20)
        assert await carrier.text_in("+447700900243", "61017", "please help me he has a knife", sent=sent) == 200
        alarm = await live.wait_for("RaiseAlarm")
        left = await live.wait_for("LeaveUnacknowledged", contact=alarm["contact"])

        # then it is an emergency, everybody is told how old it is, and nobody is asked "where are you?" by itself
        assert alarm["data"]["why"].endswith("it came here 5 h 0 min late.")
        assert left["data"]["why"].startswith("It came here 5 h 0 min late")
        offer = await live.wait_for("MakeOffer", contact=alarm["contact"])
        (message,) = await sam.get(f"contacts/{alarm['contact']}/messages", reason="test")
        said = f"its carrier has had it since {sent:%-d %b %Y %H:%M} UTC, 5 h 0 min before it came here"
        assert said in message["problems"]
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
    await wrap_up(world, offer["handler"], alarm["contact"])


@pytest.mark.parametrize(("line", "sender"), [(LINE, "+447700900241"), ("61017", "+447700900242")])
async def test_a_time_that_cannot_be_moves_no_text_and_is_told(world: World, line: str, sender: str) -> None:
    sam = await world.api("sam")
    start, carrier = datetime.now(UTC), world.carrier_of(line)
    said = {
        "one": start,
        "two": datetime(2099, 1, 1, tzinfo=UTC),
        "three": datetime(1990, 1, 1, tzinfo=UTC),
        "four": start + timedelta(seconds=5),
    }
    async with sam.live() as live:
        # given texts whose carrier says of one that it is of the next century, and of one that it is of the last
        for words, sent in said.items():
            assert await carrier.text_in(sender, line, f"{words} {sender}", sent=sent) == 200
        reference = (await live.wait_for("MessageArrived"))["contact"]

        # then they stand as they came, and it is told what was said
        async def known() -> bool:
            return all(m["sent_at"] for m in await texts())

        async def texts() -> list[dict[str, str]]:
            messages = await sam.get(f"contacts/{reference}/messages", reason="test")
            return [m for m in messages if m["direction"] == "in"]

        await eventually(known)
        shown = await texts()
        assert [m["body"].split()[0] for m in shown] == list(said)
        assert all(m["sent_at"][:2] == "20" and m["sent_at"][:4] != "2099" for m in shown)
        journal = [row["data"].get("what", "") for row in await sam.get(f"contacts/{reference}/journal", reason="test")]
        told = " ".join([*journal, *(m["problems"] for m in shown)])
        assert "1 Jan 2099 00:00 UTC: it is shown by when it came" in told
        assert "1 Jan 1990 00:00 UTC: it is shown by when it came" in told
        offer = await live.wait_for("MakeOffer", contact=reference)
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
    await wrap_up(world, offer["handler"], reference)


async def test_who_writes_again_after_it_was_closed_opens_it_again_and_other_contacts_are_shown(world: World) -> None:
    sam, sender = await world.api("sam"), "+447700900222"
    async with sam.live() as live:
        # given a text that was dealt with
        await world.carrier.text_in(sender, LINE, "someone smoking in coach 3")
        first = (await live.wait_for("MessageArrived"))["contact"]
        await live.wait_for("MakeOffer", contact=first)
        await taken_and_finished(world, live, sam, first)
        assert await stage(sam, first) == "closed"

        # when the same person writes again, it is open again
        await world.carrier.text_in(sender, LINE, "they are back")
        await live.wait_for("ReopenContact", contact=first)
        await live.wait_for("MakeOffer", contact=first)
        await taken_and_finished(world, live, sam, first)

        # and when they write to another of our numbers, that is another contact, and each shows the other
        await world.carrier.text_in(sender, "+447700900999", "is this the right number?")
        second = (await live.wait_for("MessageArrived"))["contact"]
        await live.wait_for("MakeOffer", contact=second)
        shown = await sam.get(f"contacts/{second}", reason="test")
        assert shown["contact"]["linked_to"] == first
        assert [other["reference"] for other in shown["others"]] == [first]
        assert [o["reference"] for o in (await sam.get(f"contacts/{first}", reason="test"))["others"]] == [second]
        await taken_and_finished(world, live, sam, second)


async def taken_and_finished(world: World, live: Live, sam: Client, reference: str) -> None:
    """Whoever is offered it takes it and finishes it."""
    offered = (await contact(sam, reference))["offers"][0]
    desk = await world.api(offered["handler"])
    await desk.post(f"offers/{offered['id']}/accept")
    await wrap_up(world, offered["handler"], reference)


async def test_who_cannot_talk_is_answered_in_neutral_words_and_never_called(world: World) -> None:
    sam, sender = await world.api("sam"), "+447700900223"
    async with sam.live() as live:
        # given somebody who writes that they cannot speak
        await world.carrier.text_in(sender, LINE, "cant talk hes next to me")
        reference = (await live.wait_for("MessageArrived"))["contact"]

        # then they are marked, it is an emergency, and the acknowledgement does not say who writes
        shown = await contact(sam, reference)
        assert (shown["emergency"], shown["safety"]) == (True, "never")
        acknowledged = await world.carrier.wait_for_sent(lambda m: m.recipient == sender)
        assert acknowledged.body == "Got your message, thanks. Reply here when you can."
        offer = await live.wait_for("MakeOffer", contact=reference)
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")

    # and calling them is refused, with the reason; so are telling words, in the preview too
    with pytest.raises(ApiError, match="must not be called"):
        await desk.post(f"contacts/{reference}/call", {})
    with pytest.raises(ApiError, match="say 'police'"):
        await desk.post(f"contacts/{reference}/replies", {"body": "This is the police. Where are you?"})
    preview = {"template": "officer_coming", "values": {"place": "Grays"}}
    assert "say 'police'" in (await desk.post(f"contacts/{reference}/replies/preview", preview))["refused"]

    # while neutral words leave, in the language that is asked for
    await desk.post(f"contacts/{reference}/replies", {"template": "heard", "language": "cy"})
    await world.carrier.wait_for_sent(lambda m: m.recipient == sender and m.body.startswith("Wedi cael"))
    await wrap_up(world, offer["handler"], reference)

    # and the person stays marked in their next contact, on whatever channel
    await world.carrier.text_in(sender, "+447700900999", "hello")
    (again,) = [c for c in (await sam.get("contacts", party=sender, reason="test"))["contacts"] if not c["closed_at"]]
    assert again["safety"] == "never"
    await desk.put(f"contacts/{again['reference']}/safety", {"calling": "normal"})


async def test_a_note_can_never_leave_as_a_text(world: World) -> None:
    """Notes and replies are different things in every layer: other addresses, other fields, other records."""
    sam, sender = await world.api("sam"), "+447700900224"
    async with sam.live() as live:
        await world.carrier.text_in(sender, LINE, "someone smoking in coach 3")
        reference = (await live.wait_for("MessageArrived"))["contact"]
        offer = await live.wait_for("MakeOffer", contact=reference)
        desk = await world.api(offer["handler"])
        await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
        await desk.post(f"contacts/{reference}/notes", {"text": "SECRET: known to us"})
        for path, body in (("notes", {"body": "SECRET"}), ("replies", {"text": "SECRET"})):
            with pytest.raises(ApiError):
                await desk.post(f"contacts/{reference}/{path}", body)
        await desk.post(f"contacts/{reference}/replies", {"body": "Thank you."})
        await world.carrier.wait_for_sent(lambda m: m.recipient == sender and m.body == "Thank you.")
    await wrap_up(world, offer["handler"], reference, notes="SECRET too")
    messages = await sam.get(f"contacts/{reference}/messages", reason="test")
    assert not [m for m in messages if "SECRET" in m["body"]]
    assert not [m for m in world.carrier.outbox if "SECRET" in m.body]


async def test_a_text_that_is_brought_again_long_afterwards_is_a_replay_and_refused(world: World) -> None:
    sam = await world.api("sam")
    sid = "SM" + "9" * 32
    assert await world.carrier.text_in("+447700900205", LINE, "once", message_sid=sid) == 200

    # when its time for being repeated is over
    async def refused() -> bool:
        return await world.carrier.text_in("+447700900205", LINE, "once", message_sid=sid) == 403

    await eventually(refused, 20)

    # then it is one message still, and the refusal is on record
    found = (await sam.get("contacts", party="+447700900205", reason="test"))["contacts"]
    assert len(found) == 1
    messages = await sam.get(f"contacts/{found[0]['reference']}/messages", reason="test")
    assert [m["direction"] for m in messages].count("in") == 1
    refusals = [r async for r in world.store().journal(kind="Recorded") if '"webhook refused"' in r.document]
    assert refusals


async def test_a_blocked_numbers_texts_are_set_aside_but_no_emergency_and_nothing_in_an_open_contact(
    world: World,
) -> None:
    sam, sender = await world.api("sam"), "+447700900227"
    await sam.post("blocks", {"address": "07700 900227", "reason": "Forty insults an hour."})

    async def contacts() -> list[str]:
        return [c["reference"] for c in (await sam.get("contacts", party=sender, reason="test"))["contacts"]]

    try:
        # an ordinary text is kept, with the reason, answered with nothing and shown to nobody
        assert await world.carrier.text_in(sender, LINE, "someone smoking in coach 3") == 200
        (aside,) = [m for m in await sam.get("set-aside", reason="test") if m["sender"] == sender]
        assert "blocked: Forty insults an hour." in aside["problems"]
        assert await contacts() == []

        # one that sounds like an emergency is raised, and what comes after it belongs to it
        async with sam.live() as live:
            assert await world.carrier.text_in(sender, LINE, "man with a knife") == 200
            reference = (await live.wait_for("MessageArrived"))["contact"]
            assert await world.carrier.text_in(sender, LINE, "platform 2") == 200
            assert (await live.wait_for("MessageArrived"))["contact"] == reference
            await taken_and_finished(world, live, sam, reference)

            # and a supervisor takes what should not have been set aside: once, whoever else does
            taken = await sam.post(f"set-aside/{aside['id']}/take")
            with pytest.raises(ApiError, match="No such message"):
                await sam.post(f"set-aside/{aside['id']}/take")
            offer = await live.wait_for("MakeOffer", contact=taken["reference"])
            desk = await world.api(offer["handler"])
            await desk.post(f"offers/{offer['data']['offer']['id']}/accept")
        messages = await desk.get(f"contacts/{taken['reference']}/messages")
        assert "someone smoking in coach 3" in [m["body"] for m in messages if m["direction"] == "in"]
        await wrap_up(world, offer["handler"], taken["reference"])
    finally:
        await sam.delete("blocks/+447700900227")
