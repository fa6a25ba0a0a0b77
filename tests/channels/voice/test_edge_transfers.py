"""A handler's phone passes its caller on (REFER) and asks a colleague first; nobody else can do either."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.channels.voice.edge_peers import DOMAIN, HOST, SDP, Message, Peer, Scene, scene

ANNA, BEN = f"sip:101@{DOMAIN}", f"sip:102@{DOMAIN}"

# What a phone sends, and what a call process reads.
KEYED = {
    "an extension": (f"<sip:102@{DOMAIN}>", f"<sip:102@{DOMAIN}>"),
    "bare": (f"sip:102@{DOMAIN}", f"<sip:102@{DOMAIN}>"),
    "a number": (f"<sip:+441632960555@{DOMAIN};user=phone>", f"<sip:+441632960555@{DOMAIN}>"),
    "where the phone is": ("<sip:102@192.0.2.7:5062;transport=tcp>", f"<sip:102@{DOMAIN}>"),
    "with a name": (f'"Ben, at his desk" <sip:102@{DOMAIN}>', f"<sip:102@{DOMAIN}>"),
    "sips": (f"<sips:102@{DOMAIN}>", f"<sip:102@{DOMAIN}>"),
    "its own call": (
        f"<sip:102@{DOMAIN}?Replaces=a%40b%3Bto-tag%3Dc%3Bfrom-tag%3Dd&Require=replaces>",
        f"<sip:102@{DOMAIN}?Replaces=a%40b%3Bto-tag%3Dc%3Bfrom-tag%3Dd>",
    ),
}

NOT_KEYED = {
    "nothing": "",
    "no scheme": "102",
    "another scheme": "<tel:+441632960555>",
    "a name": f"<sip:ben@{DOMAIN}>",
    "no user": f"<sip:{DOMAIN}>",
    "no host": "<sip:102>",
    "brackets": "<<<<<",
    "open": "<sip:102",
    "escaped": f"<sip:%31%30%32@{DOMAIN}>",
    "endless number": f"<sip:{'1' * 2000}@{DOMAIN}>",
    "two of them": f"<sip:102@{DOMAIN}>\r\nRefer-To: <sip:premium@elsewhere.example>",
    "two of them, one short": f"<sip:102@{DOMAIN}>\r\nr: <sip:premium@elsewhere.example>",
    "replaces that smuggles": f"<sip:102@{DOMAIN}?Replaces=a%0d%0aX: y>",
    "replaces that is empty": f"<sip:102@{DOMAIN}?Replaces=>",
    "endless replaces": f"<sip:102@{DOMAIN}?Replaces={'a' * 1500}>",
    "bytes": "<sip:\x01\x7f\xe9@\xff>",
}


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as running:
        yield running
        assert await running.answers()
        assert "core was" not in (tmp_path / "kamailio.log").read_text(errors="replace")


async def phone_of(edge: Scene, extension: str) -> Peer:
    phone = await edge.peer()
    assert await phone.register(extension, edge.password(extension)) == "200"
    return phone


async def in_a_call(edge: Scene) -> tuple[Peer, Message]:
    """A call process has rung Anna's phone and she has answered; her phone and its INVITE."""
    phone = await phone_of(edge, "101")
    edge.slots[0].request("INVITE", ANNA, body=SDP)
    invite = await phone.get("INVITE")
    phone.reply(invite, 200, body=SDP)
    edge.slots[0].in_dialog("ACK", await edge.slots[0].get("200"))
    await phone.get("ACK")
    return phone, invite


def ask(phone: Peer, invite: Message, method: str = "REFER", *headers: str, body: str = "") -> None:
    """In its call, as the phone that was called."""
    phone.in_called_dialog(method, invite, *headers, sender=ANNA, body=body)


@pytest.mark.parametrize(("sent", "read"), KEYED.values(), ids=KEYED.keys())
async def test_a_phone_asks_to_pass_its_caller_on(edge: Scene, sent: str, read: str) -> None:
    phone, invite = await in_a_call(edge)

    ask(phone, invite, "REFER", f"Refer-To: {sent}", "Referred-By: <sip:101@x>", "Require: x", body="rubbish")
    refer = await edge.slots[0].get("REFER")
    assert refer.all("Refer-To") == [read]
    assert not refer.all("Referred-By")
    assert not refer.body

    # the call process takes note, and the phone hears that it is being tried
    edge.slots[0].reply(refer, 499)
    accepted = await phone.get("202", "499")
    assert accepted.what == "202"
    assert accepted.header("Contact")


async def test_a_phone_is_told_how_its_transfer_goes(edge: Scene) -> None:
    phone, invite = await in_a_call(edge)
    ask(phone, invite, "REFER", f"Refer-To: <{BEN}>")
    refer = await edge.slots[0].get("REFER")
    edge.slots[0].reply(refer, 499)
    await phone.get("202")

    edge.slots[0].request(
        "NOTIFY",
        f"sip:peer@{HOST}:{phone.port}",
        to=f"{invite.header('To')};tag=t",
        sender=invite.header("From").partition("<")[2].partition(">")[0],
        call_id=invite.header("Call-ID"),
        headers=(
            *(f"Route: {route}" for route in invite.all("Record-Route")),
            "Event: refer",
            "Subscription-State: terminated;reason=noresource",
        ),
        body="SIP/2.0 486 did not answer\r\n",
        content_type="message/sipfrag;version=2.0",
        cseq=20,
    )

    assert (await phone.get("NOTIFY")).body == "SIP/2.0 486 did not answer\r\n"


@pytest.mark.parametrize("refer_to", NOT_KEYED.values(), ids=NOT_KEYED.keys())
async def test_what_is_no_extension_or_number_goes_no_further(edge: Scene, refer_to: str) -> None:
    phone, invite = await in_a_call(edge)

    ask(phone, invite, "REFER", f"Refer-To: {refer_to}")

    assert (await phone.get("202", "400")).what == "400"
    assert not edge.slots[0].has("REFER")


async def test_a_missing_or_huge_refer_goes_no_further(edge: Scene) -> None:
    phone, invite = await in_a_call(edge)

    ask(phone, invite)
    assert (await phone.get("400")).what == "400"
    ask(phone, invite, "REFER", f"Refer-To: <{BEN}>", "Referred-By: <sip:" + "x" * 5000 + ">")
    assert (await phone.get("513")).what == "513"
    assert not edge.slots[0].has("REFER")


async def test_only_a_phone_in_its_call_may_ask(edge: Scene) -> None:
    phone, invite = await in_a_call(edge)
    stranger = await edge.peer()
    refer_to = f"Refer-To: <{BEN}>"

    phone.request("REFER", ANNA, headers=(refer_to,))  # in no call
    assert (await phone.get("405")).what == "405"

    ask(stranger, invite, "REFER", refer_to)
    assert (await stranger.get("400", "403", "405", "481", "202")).what in ("405", "481")

    # a caller
    await edge.open_slots(1)
    edge.trunk.request("INVITE", f"sip:+441234567890@{DOMAIN}", body=SDP)
    edge.slots[1].reply(await edge.slots[1].get("INVITE"), 200, body=SDP)
    answer = await edge.trunk.get("200")
    edge.trunk.in_dialog("ACK", answer)
    edge.trunk.in_dialog("REFER", answer)
    assert (await edge.trunk.get("405")).header("Allow")

    # whom we called by the trunk
    edge.slots[2].request("INVITE", f"sip:+441632960555@{DOMAIN}", body=SDP)
    called = await edge.trunk.get("INVITE")
    edge.trunk.reply(called, 200, body=SDP)
    edge.slots[2].in_dialog("ACK", await edge.slots[2].get("200"))
    await edge.trunk.get("ACK")
    ask(edge.trunk, called, "REFER", refer_to)
    assert (await edge.trunk.get("405", "202")).what == "405"
    assert not any(slot.has("REFER") for slot in edge.slots)


async def test_a_phone_calls_a_colleague_with_its_password_and_nobody_else(edge: Scene) -> None:
    await edge.open_slots(0)
    phone, colleague = await phone_of(edge, "101"), await phone_of(edge, "102")

    phone.request("INVITE", BEN, sender=ANNA, body=SDP, cseq=1)
    challenge = await phone.get("407", "200", "180")
    assert challenge.what == "407"
    assert not colleague.has("INVITE")

    await phone.call(BEN, ANNA, edge.password("101"), body=SDP)
    invite = await colleague.get("INVITE")
    assert not invite.all("Proxy-Authorization")
    colleague.reply(invite, 200, body=SDP)
    assert (await phone.get("200")).what == "200"

    for number, why in (("+441632960555", "Extensions Only"), ("999", "Never Dialled"), ("107", "Not Registered")):
        await phone.call(f"sip:{number}@{DOMAIN}", ANNA, edge.password("101"), body=SDP)
        assert why in (await phone.get("403", "480")).first_line
    await phone.call(BEN, ANNA, "guessed", body=SDP)
    assert (await phone.get("407", "200")).what == "407"
    assert not edge.slots[0].received
    assert not edge.trunk.has("INVITE")


async def test_only_a_call_process_may_have_a_call_replaced(edge: Scene) -> None:
    phone = await phone_of(edge, "101")
    edge.slots[0].request("INVITE", ANNA, body=SDP, headers=("Replaces: a;to-tag=b;from-tag=c",))
    assert (await phone.get("INVITE")).header("Replaces") == "a;to-tag=b;from-tag=c"
