"""Blocking an address or a number, and what was set aside because of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.email import Mailbox
from config.menus import VoiceNumber
from config.text import TextNumber
from config.voice import Interpreter, Target
from gateway.store.records import Block, Message
from tests.gateway.api.site import Site, settings_in

MAILBOX = "contact@police.example"


async def test_a_block_is_made_listed_and_lifted_and_each_is_journalled(site: Site) -> None:
    sam = await site.signed_in("sam", "supervisor")
    status, block = await sam.post("/blocks", {"address": "Spam@Example.org", "reason": "Advertising."})
    assert (status, block["address"], block["by"], block["until"]) == (201, "spam@example.org", "handler:sam", None)
    assert [b["address"] for b in (await sam.get("/blocks"))[1]] == ["spam@example.org"]

    assert (await sam.send("DELETE", "/blocks/SPAM@example.org"))[0] == 204

    assert (await sam.get("/blocks"))[1] == []
    assert (await sam.send("DELETE", "/blocks/spam@example.org"))[0] == 404
    said = [row.document for row in await site.rows("Recorded")]
    assert any("spam@example.org blocked until it is lifted" in row and "Advertising." in row for row in said)
    assert any("spam@example.org lifted" in row for row in said)


async def test_a_block_that_would_be_over_is_refused(site: Site) -> None:
    sam = await site.signed_in("sam", "supervisor")
    body = {"address": "@example.org", "reason": "Rude.", "until": "2001-01-01T00:00:00Z"}
    status, problem = await sam.post("/blocks", body)
    assert (status, "over already" in problem["detail"]) == (400, True)


@pytest.mark.parametrize("address", [MAILBOX, MAILBOX.upper(), "@police.example"])
async def test_our_own_addresses_cannot_be_blocked(tmp_path: Path, address: str) -> None:
    settings = settings_in(tmp_path)
    server: dict[str, Any] = {"host": "127.0.0.1", "port": 1, "security": "tls", "user": "desk", "password": "x"}
    mailbox = Mailbox.model_validate(
        {"id": "desk", "address": MAILBOX, "display_name": "Desk", "queue": "q", "imap": server, "smtp": server}
    )
    ours = settings.email.model_copy(update={"mailboxes": (mailbox,)})
    async with Site(settings.model_copy(update={"email": ours}), None, None) as site:
        sam = await site.signed_in("sam", "supervisor")
        status, problem = await sam.post("/blocks", {"address": address, "reason": "Loops."})
    assert (status, "is ours and cannot be blocked" in problem["detail"]) == (400, True)


NOT_STRANGERS = {
    "020 7946 0018": "ours",
    "whatsapp:+442079460018": "ours",
    "0800 405040": "ours",
    "+44 1632 960300": "ours",
    "01632 960200": "the control room's",
    "01632 960400": "the interpreter's (pl)",
}


async def test_our_numbers_and_those_that_we_call_cannot_be_blocked(tmp_path: Path) -> None:
    base = settings_in(tmp_path)
    text, voice, room, calls = base.text, base.voice, base.control_room, base.follow_ups
    settings = base.model_copy(
        update={
            "text": text.model_copy(update={"numbers": (TextNumber(number="+442079460018", queue="q"),)}),
            "voice": voice.model_copy(
                update={
                    "numbers": (VoiceNumber(number="0800405040", queue="q"),),
                    "interpreters": (Interpreter(language="pl", name="Polish", number="01632960400"),),
                }
            ),
            "control_room": room.model_copy(
                update={"targets": (Target(name="Room", uri="sip:+441632960200@10.0.0.5"),)}
            ),
            "follow_ups": calls.model_copy(update={"caller_id": "01632960300"}),
        }
    )
    async with Site(settings, None, None) as site:
        sam = await site.signed_in("sam", "supervisor")
        for address, whose in NOT_STRANGERS.items():
            status, problem = await sam.post("/blocks", {"address": address, "reason": "Loops."})
            assert (status, f"is {whose} and cannot be blocked" in problem["detail"]) == (400, True)
        assert (await sam.get("/blocks"))[1] == []


async def test_a_block_that_is_over_is_not_listed_nor_lifted_and_can_be_made_again(site: Site) -> None:
    sam = await site.signed_in("sam", "supervisor")
    await site.store.save(Block("@example.org", "Rude.", "handler:sam", site.clock() - 7200, site.clock() - 1))
    await site.store.save(Block("@example.com", "Rude.", "handler:sam", site.clock() - 7200, site.clock() + 60))

    assert [b["address"] for b in (await sam.get("/blocks"))[1]] == ["@example.com"]
    assert (await sam.send("DELETE", "/blocks/@example.org"))[0] == 404

    assert (await sam.post("/blocks", {"address": "@example.org", "reason": "Again."}))[0] == 201
    assert len((await sam.get("/blocks"))[1]) == 2


async def test_mail_that_was_set_aside_is_read_for_a_reason_and_one_of_no_mailbox_cannot_be_taken(site: Site) -> None:
    sam = await site.signed_in("sam", "supervisor")
    await site.store.save(
        Message(
            id="m1",
            reference="",
            channel="email",
            direction="in",
            sender="spam@example.org",
            recipient=MAILBOX,
            body="Buy",
            at=site.clock(),
            by="system",
            status="set_aside",
            provider_key="email:1",
            problems="spam@example.org is blocked: Advertising.",
        )
    )
    status, listed = await sam.get("/set-aside", params={"reason": "looking for a lost mail"})
    assert (status, [m["id"] for m in listed]) == (200, ["m1"])
    assert any("looking for a lost mail" in row.document for row in await site.rows("Recorded"))
    assert (await sam.post("/set-aside/m1/take"))[0] == 404  # this site has no mailboxes
    assert (await sam.post("/set-aside/m2/take"))[0] == 404


async def test_a_number_is_blocked_in_whatever_way_it_is_written(site: Site) -> None:
    sam = await site.signed_in("sam", "supervisor")
    status, block = await sam.post("/blocks", {"address": "07700 900 123", "reason": "Threats."})
    assert (status, block["address"]) == (201, "+447700900123")
    said = [row.document for row in await site.rows("Recorded")]
    assert any("texts from +447700900123 blocked" in row for row in said)
    assert (await sam.send("DELETE", "/blocks/whatsapp:07700900123"))[0] == 204
    assert (await sam.get("/blocks"))[1] == []


@pytest.mark.parametrize(
    "address", ["", "anonymous", "withheld", "61016", "999", "+44 999", "112", "Amazon", "+44", "a@"]
)
async def test_what_is_no_address_or_number_of_one_person_cannot_be_blocked(site: Site, address: str) -> None:
    sam = await site.signed_in("sam", "supervisor")
    assert (await sam.post("/blocks", {"address": address, "reason": "Threats."}))[0] == 400
    assert (await sam.send("DELETE", f"/blocks/{address or '-'}"))[0] == 404
