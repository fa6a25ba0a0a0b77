"""The sandbox's world: it comes up whole, its people are there, and it goes without leaving anything behind."""

from __future__ import annotations

import asyncio
import base64
import socket
import time
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from gateway.sandbox.api import WorldServer
from gateway.sandbox.child import GatewayError
from gateway.sandbox.person import BUSY
from gateway.sandbox.ports import LOOPBACK, NoFreePorts, Ports
from gateway.sandbox.site import toml
from gateway.sandbox.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with World(tmp_path_factory.mktemp("world"), slots=2, auto_answer=0.2) as world:
        yield world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    """The page's server, asked as its page would."""
    async with WorldServer(world), aiohttp.ClientSession(world.page_url) as session:
        yield session


async def test_it_is_ready_and_its_handlers_are_registered_and_available(world: World) -> None:
    assert await world.gateway.readiness() == ""
    assert all(phone.registered for phone in world.phones.values())
    supervisor = await world.api("sam")
    present = {h["id"]: h["presence"]["state"] for h in await supervisor.get("handlers")}
    assert [present[name] for name in ("anna", "ben", "chloe")] == ["available"] * 3
    assert len(world.call_processes()) == 2


async def test_the_gateway_can_be_killed_and_started_again(world: World, page: aiohttp.ClientSession) -> None:
    await world.kill_gateway()
    assert await world.gateway.readiness() != ""
    assert not (await get(page, "/world/outside"))["gateway"]["runs"], "the page does not ask one that is not there"

    await world.start_gateway()

    assert (await get(page, "/world/outside"))["gateway"]["runs"]
    assert await world.gateway.readiness() == ""
    assert len(await (await world.api("sam")).get("handlers")) == 5


async def test_a_call_process_can_be_killed_under_its_call(world: World) -> None:
    async with await world.caller() as caller:
        await caller.wait_for("talking")
        await until(lambda: any(process.legs for process in world.call_processes().values()))

        slot = world.kill_call_process()

        assert slot in (0, 1)
        await caller.wait_for("idle")  # the edge releases the caller of a process that died
    with pytest.raises(LookupError):
        world.kill_call_process(99)


async def test_the_first_trunk_can_be_killed_and_started_again(world: World) -> None:
    await world.kill_trunk()
    assert world.public.ended
    assert [phone.name for phone in world.people if phone.name.startswith("public")] == ["public-encrypted"]

    await world.start_trunk()

    assert not world.public.ended


async def test_a_caller_on_the_page_talks_with_a_handler_and_the_story_is_told(
    world: World, page: aiohttp.ClientSession
) -> None:
    call = await post(page, "/world/calls", {"number": "+447700900777", "seconds": 60})

    async def accepted() -> bool:
        story = await get(page, f"/world/calls/{call['id']}")
        return any(line["kind"] == "OfferAccepted" for line in story["lines"])

    await until(accepted, 30)
    async with page.delete(f"/world/calls/{call['id']}") as answer:
        assert answer.status == 204

    async def over() -> bool:
        return bool((await get(page, f"/world/calls/{call['id']}"))["over"])

    await until(over)
    story = await get(page, f"/world/calls/{call['id']}")
    assert story["contact"] in [c["reference"] for c in (await get(page, "/world/centre"))["contacts"]]


async def test_a_caller_who_is_cut_off_and_calls_again_is_seen_in_the_same_contact(
    world: World, page: aiohttp.ClientSession
) -> None:
    caller = {"number": "+447700900776", "seconds": 60}
    await put(page, "/world/presence", {"state": "away"})
    first = await post(page, "/world/calls", caller)

    async def waits() -> bool:
        return "CallQueued" in await kinds(page, first)

    await until(waits, 20)
    assert await part_is(page, "DELETE", "call") == 200

    async def lost() -> bool:
        return "CallLost" in await kinds(page, first)

    await until(lost)
    second = await post(page, "/world/calls", caller)

    async def is_back() -> bool:
        return bool((await get(page, f"/world/calls/{second['id']}"))["contact"])

    await until(is_back)
    reference = (await get(page, f"/world/calls/{first['id']}"))["contact"]
    story = await get(page, f"/world/calls/{second['id']}")
    assert story["contact"] == reference
    assert "called 101 again, and is back in this contact" in [line["what"] for line in story["lines"]]

    await put(page, "/world/presence", {"state": "available"})

    async def accepted() -> bool:
        return "OfferAccepted" in await kinds(page, second)

    await until(accepted, 20)
    for act in ("hold", "resume", "end", "wrap-up"):
        await desk(page, reference, act)
    rows = [row async for row in world.store().journal(reference=reference)]
    assert rows[-1].kind == "CloseContact"
    assert not [row for row in rows if row.kind == "Recorded"], "what the sandbox looks at is no reading of theirs"
    assert await desk(page, reference, "accept", status=409) == "It is offered to nobody at the moment."


async def test_a_text_and_an_email_on_the_page_become_contacts_and_are_acknowledged(
    page: aiohttp.ClientSession,
) -> None:
    begun = int(time.time())
    await post(page, "/world/texts", {"sender": "+447700900778", "body": "someone is smoking in coach 3"})
    await post(page, "/world/emails", {"sender": "kim@sender.invalid", "subject": "Bag", "body": "A red one."})

    async def both_acknowledged() -> bool:
        outside = await get(page, "/world/outside")
        texts = [text["to"] for text in outside["texts"] if text["direction"] == "out"]
        mails = [mail["at"] for mail in outside["emails"] if mail["to"] == "kim@sender.invalid"]
        return "+447700900778" in texts and any(begun <= at <= time.time() for at in mails)

    await until(both_acknowledged, 20)


async def test_the_outside_sends_pictures_repeats_itself_forges_and_writes_broken_mail(
    world: World, page: aiohttp.ClientSession
) -> None:
    # given a picture that its carrier brings twice, and a text that no carrier brought
    picture = {"filename": "bag.png", "content_type": "image/png", "content": base64.b64encode(b"bag").decode()}
    await post(page, "/world/texts", {"sender": "+447700900779", "body": "this", "pictures": [picture], "times": 2})
    forged = {"sender": "+447700900780", "body": "not from the carrier", "forged": True}
    async with page.post("/world/texts", json=forged) as answer:
        assert (await answer.json())["detail"] == "The forged text was answered 403."
    broken = b"From: lou@sender.invalid\nSubject: broken\nContent-Type: multipart/mixed; boundary=x\n\nno part"
    await post(page, "/world/mails", {"raw": base64.b64encode(broken).decode()})

    # then the picture is one message, the forgery none, and the mail a contact
    async def came(party: str) -> bool:
        return bool(await world.store().contacts(party=party))

    await until(lambda: came("lou@sender.invalid"), 20)
    (contact,) = await world.store().contacts(party="+447700900779")
    texts = [m for m in await world.store().messages(contact.reference) if m.direction == "in"]
    assert [len(await world.store().attachments(m.id)) for m in texts] == [1]
    assert not await came("+447700900780")


async def test_the_outside_answers_our_mail_as_people_and_machines_do(
    world: World, page: aiohttp.ClientSession
) -> None:
    ours = [mailbox.address for mailbox in world.settings.email.mailboxes]

    async def contacts(party: str) -> list[str]:
        return [contact.reference for contact in await world.store().contacts(party=party)]

    async def statuses(reference: str) -> list[str]:
        return [m.status for m in await world.store().messages(reference)]

    async def acknowledged() -> bool:
        found = await contacts("ned@sender.invalid")
        return bool(found) and "sent" in await statuses(found[0])

    # given a mail to both of our mailboxes
    await post(page, "/world/emails", {"sender": "ned@sender.invalid", "subject": "Bag", "body": "Red.", "to": ours})
    await until(acknowledged, 20)
    (reference,) = await contacts("ned@sender.invalid")
    # when the person answers in two ways, somebody else in a third, and machines report
    answer = {"reference": reference, "body": "It has a zip."}
    for like in ("gmail", "outlook"):
        await post(page, "/world/answers", answer | {"like": like})
    await post(page, "/world/answers", answer | {"sender": "nosy@sender.invalid"})
    for what in ("read", "failed"):
        await post(page, "/world/reports", {"reference": reference, "what": what})

    # then
    async def all_there() -> bool:
        told = await statuses(reference)
        return bool(await contacts("nosy@sender.invalid")) and "undelivered" in told and len(told) == 6

    await until(all_there, 20)
    assert len(await contacts("ned@sender.invalid")) == 1, "which both of our mailboxes had"

    async def filed() -> bool:
        first, second = await get(page, "/world/mailboxes")
        return "INBOX" in first["folders"] and second["folders"].get("Stored") == 1

    await until(filed, 30)


async def test_our_mailboxes_can_refuse_us_and_be_renumbered(world: World, page: aiohttp.ClientSession) -> None:
    async def refused() -> bool:
        return "refused login" in await world.gateway.readiness()

    async def well() -> bool:
        return not await world.gateway.readiness()

    async def happens(manner: str) -> None:
        async with page.put("/world/mailboxes", json={"manner": manner}) as answer:
            assert (await answer.json())["detail"] and answer.status == 200

    await happens("refuse")
    await until(refused, 20)
    await happens("let-in")
    await happens("renumber")

    await until(well, 30)


async def test_the_page_acts_as_a_demo_handler_through_the_gateway_s_own_api(page: aiohttp.ClientSession) -> None:
    away = {"state": "away", "reason": "break"}
    async with page.put("/as/ben/api/v1/me/presence", json=away) as answer:
        assert (await answer.json())["handler"]["presence"] == away
    async with page.ws_connect("/as/sam/api/v1/live?after=0") as live:
        assert (await live.receive_json(timeout=5))["type"] == "hello"
        assert (await live.receive_json(timeout=5))["kind"] == "Recorded", "by which rules it decides"
        assert (await live.receive_json(timeout=5))["kind"] == "HandlerSaved"


async def test_the_carrier_can_be_gone_and_come_back_and_a_reply_be_looked_at_before_it_is_sent(
    world: World, page: aiohttp.ClientSession
) -> None:
    # given a text that came while its carrier refused every connection
    assert [await part_is(page, "DELETE", "carrier") for _ in range(2)] == [200, 409]
    await post(page, "/world/texts", {"sender": "+447700900790", "body": "hello"})
    asked = {"name": "sam", "method": "GET", "path": "contacts?reason=test&party=%2B447700900790"}
    reference = (await answered(page, "/world/ask", asked))["contacts"][0]["reference"]
    assert not [text for text in world.carrier.outbox if text.recipient == "+447700900790"]

    # when it is back, then what waited is sent
    assert [await part_is(page, "PUT", "carrier") for _ in range(2)] == [200, 409]
    await world.carrier.wait_for_sent(lambda text: text.recipient == "+447700900790", deadline=30)

    # and a reply that is only looked at is not
    words = {"reference": reference, "template": "officer_coming", "values": {"place": "York"}, "preview": True}
    assert "York" in (await answered(page, "/world/replies", words))["body"]
    assert len([text for text in world.carrier.outbox if text.recipient == "+447700900790"]) == 1


async def test_who_writes_is_told_in_which_contact_it_is_and_a_note_may_be_long(
    world: World, page: aiohttp.ClientSession
) -> None:
    text = await post(page, "/world/texts", {"sender": "+447700900791", "body": "hello"})
    mail = await post(page, "/world/emails", {"sender": "jo@sender.invalid", "subject": "Bag", "body": "Lost"})

    reference = text["detail"].removeprefix("The gateway has the text. It is in contact ").rstrip(".")
    assert await world.store().contact(reference) is not None
    assert mail["detail"].startswith("The mail is in our mailbox. It is in contact ")
    await desk(page, reference, "note", "seen at the barrier " * 9)


async def test_the_control_room_can_be_made_busy_and_normal_again(world: World, page: aiohttp.ClientSession) -> None:
    await put(page, "/world/phones/control-room", {"manner": "busy"})
    assert [world.people[room].manner for room in world.control_rooms] == [BUSY, BUSY]

    await put(page, "/world/phones/control-room", {"manner": "normal"})
    assert BUSY not in [world.people[room].manner for room in world.control_rooms]


async def test_the_gateway_and_the_edge_can_be_killed_and_started_on_the_command_line(
    world: World, page: aiohttp.ClientSession
) -> None:
    for part in ("gateway", "edge", "mail-out", "mailboxes"):
        assert await part_is(page, "PUT", part) == 409, "it is running"
        assert await part_is(page, "DELETE", part) == 200
        assert await part_is(page, "DELETE", part) == 409, "it is dead"
        assert await part_is(page, "PUT", part) == 200

    async def ready() -> bool:
        return await world.gateway.readiness() == ""

    await until(ready)  # the slots are announced to the new edge once more
    assert await part_is(page, "DELETE", "call") == 409, "no call is under way"


async def test_a_queue_that_is_added_while_it_runs_is_there_after_the_gateway_s_next_start(
    world: World, page: aiohttp.ClientSession
) -> None:
    values = tomllib.loads(world.site.read_text(encoding="utf-8"))
    values["queues"].append({"id": "late", "name": "Late", "target_seconds": 60})
    values["text"]["numbers"].append({"number": "61030", "queue": "late", "carrier": "second"})
    world.site.write_text(toml(values), encoding="utf-8")
    assert [await part_is(page, method, "gateway") for method in ("DELETE", "PUT")] == [200, 200]

    await post(page, "/world/texts", {"sender": "+447700900654", "body": "Is the office open?", "to": "61030"})

    assert "61030" in [text.recipient for text in world.second_carrier.messages]
    assert "late" in [contact["queue"] for contact in (await get(page, "/world/centre"))["contacts"]]


async def test_settings_that_are_wrong_are_said_and_start_no_gateway(world: World, page: aiohttp.ClientSession) -> None:
    sound = world.site.read_text(encoding="utf-8")
    world.site.write_text(f"{sound}\n[store]\npool_size = 0\n", encoding="utf-8")
    assert await part_is(page, "DELETE", "gateway") == 200
    try:
        async with page.put("/world/parts/gateway") as answer:
            assert answer.status == 502
            assert "store.pool_size" in (await answer.json())["detail"]
        assert not world.gateway.running
    finally:
        world.site.write_text(sound, encoding="utf-8")
    assert await part_is(page, "PUT", "gateway") == 200


async def test_the_gateway_starts_and_takes_calls_while_the_carrier_and_the_mail_are_away(
    world: World, page: aiohttp.ClientSession
) -> None:
    away = ("carrier", "mailboxes")
    assert [await part_is(page, "DELETE", part) for part in (*away, "gateway")] == [200] * 3
    try:
        async with page.put("/world/parts/gateway") as answer:
            status, said = answer.status, (await answer.json())["detail"]
        assert status == 200, said
        assert said.startswith("The gateway runs; it has taken up the calls that are under way. Not well yet: ")
        assert "text: " in said and "email: " in said
        async with await world.caller("+447700900655") as caller:
            await caller.wait_for("talking")
    finally:
        for part in away:
            await part_is(page, "PUT", part)
    assert await part_is(page, "DELETE", "gateway") == 200
    async with page.put("/world/parts/gateway") as answer:
        assert (await answer.json())["detail"] == "The gateway runs; it has taken up the calls that are under way."


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
async def test_another_site_in_the_same_browser_is_refused(
    page: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    async with page.get("/world/outside", headers=headers) as answer:
        assert answer.status == 403


async def test_it_ends_without_leaving_a_process_or_a_port_even_without_its_gateway(tmp_path: Path) -> None:
    async with World(tmp_path, slots=2) as world:
        caller = await world.caller()
        await caller.wait_for("talking")
        await world.kill_gateway()
        assert len(world.call_processes()) == 2, "call processes outlive their gateway"

    # The process that forked the call processes ends by itself when the last of them has.
    await until(lambda: processes_of(tmp_path) == [], 3)
    world.ports.check()


async def test_a_gateway_that_does_not_start_is_explained_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match=r"(?s)ended at once.*203\.0\.113\.1"):
        async with World(tmp_path, slots=1, overlay={"http": {"host": "203.0.113.1"}}):
            pytest.fail("it must not start")

    assert processes_of(tmp_path) == []


async def test_a_port_that_is_in_use_is_named(tmp_path: Path) -> None:
    ports = Ports.free(slots=1)
    with socket.socket() as other:
        other.bind((LOOPBACK, ports.imap))
        other.listen()
        with pytest.raises(NoFreePorts, match=str(ports.imap)):
            async with World(tmp_path, ports=ports, slots=1):
                pytest.fail("it must not start")


# --- steps ---------------------------------------------------------------------------------------------------


async def until(condition: Callable[[], bool | Awaitable[bool]], deadline: float = 10.0) -> None:
    async with asyncio.timeout(deadline):
        while True:
            met = condition()
            if await met if isinstance(met, Awaitable) else met:
                return
            await asyncio.sleep(0.05)


async def kinds(page: aiohttp.ClientSession, call: dict[str, Any]) -> list[str]:
    """What the gateway has written down of this call."""
    return [line["kind"] for line in (await get(page, f"/world/calls/{call['id']}"))["lines"]]


async def desk(page: aiohttp.ClientSession, reference: str, act: str, target: str = "", *, status: int = 204) -> str:
    """What is said against it."""
    async with page.post("/world/desk", json={"reference": reference, "act": act, "target": target}) as answer:
        assert answer.status == status, await answer.text()
        return "" if status == 204 else str((await answer.json())["detail"])


async def get(page: aiohttp.ClientSession, path: str) -> Any:
    async with page.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def post(page: aiohttp.ClientSession, path: str, body: Any) -> Any:
    async with page.post(path, json=body) as answer:
        assert answer.status == 201, await answer.text()
        return await answer.json()


async def answered(page: aiohttp.ClientSession, path: str, body: Any) -> Any:
    async with page.post(path, json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def put(page: aiohttp.ClientSession, path: str, body: Any) -> None:
    async with page.put(path, json=body) as answer:
        assert answer.status == 204, await answer.text()


async def part_is(page: aiohttp.ClientSession, method: str, part: str) -> int:
    """The status; every answer says in words what was done, or why not."""
    async with page.request(method, f"/world/parts/{part}") as answer:
        assert (await answer.json())["detail"]
        return answer.status


def processes_of(directory: Path) -> list[str]:
    """Processes that name the directory on their command line, or hold a file in it open."""
    return [found for process in Path("/proc").glob("[0-9]*") if (found := _belongs(process, str(directory)))]


def _belongs(process: Path, directory: str) -> str:
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        command = process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        open_files = [str(link.readlink()) for link in process.joinpath("fd").iterdir()]
        if directory in command or any(file.startswith(directory) for file in open_files):
            return f"{process.name} {command}"
    return ""
