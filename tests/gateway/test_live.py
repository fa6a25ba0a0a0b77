"""The live WebSocket: who hears what, and that nothing is missed or heard twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from routing.events import NoteAdded, Supervised
from tests.gateway.api.site import PUBLIC_URL, Desk, Site, settings_in, until

REF = "AAAA-0001"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site(settings_in(tmp_path), None, None) as running:
        yield running


async def connect(desk: Desk, after: int | None = None, **options: Any) -> aiohttp.ClientWebSocketResponse:
    query = "" if after is None else f"?after={after}"
    options.setdefault("headers", {"Origin": PUBLIC_URL} | desk.headers)
    socket: aiohttp.ClientWebSocketResponse = await desk.session.ws_connect(f"{desk.base}/live{query}", **options)
    return socket


async def hear(socket: aiohttp.ClientWebSocketResponse) -> Any:
    return await socket.receive_json(timeout=5)


async def hear_until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> list[Any]:
    """Everything up to the first row of this kind."""
    heard = [await hear(socket)]
    while heard[-1].get("kind") != kind:
        heard.append(await hear(socket))
    return heard


async def note(site: Site, text: str) -> None:
    await site.dispatcher.submit(NoteAdded(REF, "handler:amy", text))


async def test_a_handler_hears_of_their_offers_and_contacts_and_of_nothing_else(site: Site) -> None:
    amy, ben = await site.signed_in("amy", available=True), await site.signed_in("ben")
    at_amys, at_bens = await connect(amy), await connect(ben)
    assert (await hear(at_amys))["type"] == (await hear(at_bens))["type"] == "hello"

    await site.text(REF)
    await site.answer(REF)
    await note(site, "for amy")
    await ben.send("PUT", "/me/presence", {"state": "available"})

    heard = await hear_until(at_amys, "NoteAdded")
    assert [row["kind"] for row in heard if row["entry"] == "event"] == ["OfferAccepted", "NoteAdded"]
    assert "MakeOffer" in [row["kind"] for row in heard]
    assert heard[-1]["contact"] == REF
    assert heard[-1]["data"]["text"] == "for amy"
    assert (await hear(at_bens))["kind"] == "PresenceChanged"


async def test_supervisors_hear_everything_and_a_handler_not_who_reads_their_contacts(site: Site) -> None:
    amy, sue = await site.signed_in("amy", available=True), await site.signed_in("sue", "supervisor")
    await site.text(REF)
    await site.answer(REF)
    at_amys, at_sues = await connect(amy), await connect(sue)
    await hear(at_amys)
    await hear(at_sues)

    await sue.get(f"/contacts/{REF}?reason=complaint")
    await note(site, "after")

    assert (await hear(at_amys))["kind"] == "NoteAdded"
    assert [row["kind"] for row in await hear_until(at_sues, "NoteAdded")] == ["Recorded", "NoteAdded"]


async def test_what_was_missed_comes_first_then_the_flow_goes_on(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text(REF)
    await site.answer(REF)
    socket = await connect(amy)
    last = (await hear(socket))["seq"]
    await socket.close()
    for number in range(3):
        await note(site, f"missed {number}")

    again = await connect(amy, after=last)
    hello = await hear(again)
    await note(site, "live")

    heard = [await hear(again) for _ in range(4)]
    assert hello["seq"] == last + 3
    assert [row["data"]["text"] for row in heard] == ["missed 0", "missed 1", "missed 2", "live"]


@pytest.mark.parametrize("role", ["handler", "supervisor"])
async def test_sockets_cut_again_and_again_while_rows_flow_lose_none_and_double_none(site: Site, role: str) -> None:
    amy = await site.signed_in("amy", role, available=True)
    await site.text(REF)
    await site.answer(REF)
    start = (await site.store.head()).seq
    flowing = 300

    async def flow() -> None:
        for number in range(flowing):
            await note(site, str(number))

    heard: list[tuple[int, str]] = []
    cuts = 0
    flow_task = asyncio.create_task(flow())
    while len(heard) < flowing:
        socket = await connect(amy, after=heard[-1][0] if heard else start)
        assert (await hear(socket))["type"] == "hello"
        for _ in range(min(7 + cuts, flowing - len(heard))):
            row = await hear(socket)
            heard.append((row["seq"], row["data"]["text"]))
        transport = socket._response.connection.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()
        cuts += 1
    await flow_task

    assert [text for _, text in heard] == [str(n) for n in range(flowing)]
    assert cuts > 10
    await until(lambda: site.live.desks == 0)


async def test_a_desk_that_does_not_keep_up_is_sent_away_to_come_back_with_after(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    sue = await site.signed_in("sue", "supervisor")
    monkeypatch.setattr(site.live, "_room", 5)
    socket = await connect(sue)
    await hear(socket)
    (subscription,) = site.live._subscriptions[None]
    row = (await site.rows())[0]

    for _ in range(6):
        subscription.put(row.seq, row.document.encode())

    message = await until_closed(socket)
    assert (message, socket.close_code) == ("too slow: connect again with after=", 4008)


async def until_closed(socket: aiohttp.ClientWebSocketResponse) -> str:
    while True:
        message = await socket.receive(timeout=5)
        if message.type is aiohttp.WSMsgType.CLOSE:
            return str(message.extra)
        assert message.type is aiohttp.WSMsgType.TEXT, message


async def test_a_page_of_another_site_cannot_listen_with_the_cookie_but_a_program_needs_no_origin(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    program = await site.program("board", "supervisor")

    for origin in ({"Origin": "https://evil.example"}, {}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect(sue, headers=origin)
        assert refused.value.status == 403

    assert (await hear(await connect(program, headers=program.headers)))["type"] == "hello"


async def test_nobody_listens_without_signing_in(site: Site) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(site.desk())
    assert refused.value.status == 401


async def test_a_desk_that_signed_out_elsewhere_is_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.live.CHECK_SECONDS", 0.02)
    amy = await site.signed_in("amy")
    socket = await connect(amy)
    await hear(socket)

    await site.store.forget_account("amy")

    await until_closed(socket)
    assert socket.close_code == 4001


async def test_when_the_gateway_stops_desks_are_told_to_go(site: Site) -> None:
    amy = await site.signed_in("amy")
    socket = await connect(amy)
    await hear(socket)

    site.live.close()

    await until_closed(socket)
    assert socket.close_code == 1001


async def _silent_desk(site: Site, program: Desk) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connected, and then it neither reads nor answers by itself."""
    address = urlsplit(site.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1024)
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    bearer = f"Authorization: {program.headers['Authorization']}\r\n"
    writer.write(f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\n{upgrade}{key}{bearer}\r\n".encode())
    assert b"101" in await reader.readline()
    return reader, writer


async def test_a_desk_that_never_answers_the_close_holds_up_no_stop(tmp_path: Path) -> None:
    async with Site(settings_in(tmp_path), None, None) as site:
        # given one that is on the line and says nothing any more
        program = await site.program("board", "supervisor")
        reader, writer = await _silent_desk(site, program)
        await until(lambda: site.live.desks == 1)
        began = asyncio.get_running_loop().time()

    # then the stop has told it to go, and has not waited: calls have no gateway meanwhile
    assert asyncio.get_running_loop().time() - began < 3
    assert b"the gateway stops" in await reader.read()
    writer.close()


async def test_rows_carry_the_journals_own_words(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    socket = await connect(sue, after=0)
    await hear(socket)

    row = await hear(socket)

    (first,) = [r for r in await site.rows() if r.seq == 1]
    assert (row["seq"], row["kind"], row["data"]) == (1, first.kind, json.loads(first.document))
    assert row["at"].endswith("+00:00")


async def test_a_desk_that_reads_nothing_at_all_is_cut_off_and_holds_nobody_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.live.CLOSE_SECONDS", 0.1)
    monkeypatch.setattr(site.live, "_room", 20)
    program = await site.program("board", "supervisor")
    sue = await site.signed_in("sue", "supervisor")
    await site.text(REF)
    _reader, writer = await _silent_desk(site, program)
    reading = await connect(sue)
    await hear(reading)

    async def flood() -> None:
        while site.live.desks == 2:
            await note(site, "x" * 15_000)

    flooding = asyncio.create_task(flood())
    heard = 0
    while site.live.desks == 2:
        assert (await hear(reading))["kind"] == "NoteAdded"
        heard += 1
    await flooding

    assert heard > 20
    writer.close()


@pytest.mark.parametrize("shown", [True, False])
async def test_the_handlers_desk_is_told_of_a_supervisor_only_where_policy_shows_them(
    tmp_path: Path, shown: bool
) -> None:
    policy = {"voice": {"enabled": False, "supervisors_shown": shown}}
    async with Site(settings_in(tmp_path, policy), None, None) as site:
        amy = await site.signed_in("amy", available=True, extension="201")
        sue = await site.signed_in("sue", "supervisor")
        at_amys, at_sues = await connect(amy), await connect(sue)
        await site.call(REF)
        await site.answer(REF)

        await site.dispatcher.submit(Supervised(REF, "sue", "listen"))
        await note(site, "afterwards")

        assert ("Supervised" in [row.get("kind") for row in await hear_until(at_amys, "NoteAdded")]) is shown
        assert "Supervised" in [row.get("kind") for row in await hear_until(at_sues, "NoteAdded")]
