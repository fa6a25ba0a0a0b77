"""What every route does alike: who may, what may come in, how failure is told."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from gateway.api.application import ROUTES
from gateway.store.store import StoreError
from tests.gateway.api.site import Site

ROLES = ("handler", "supervisor", "administrator")


async def test_nobody_gets_in_without_signing_in(site: Site) -> None:
    stranger = site.desk()
    for route in (r for r in ROUTES if r.role):
        path = route.path.removeprefix("/api/v1").replace("{", "").replace("}", "")

        status, problem = await stranger.send(route.method, path)

        assert (status, problem["title"], problem["detail"]) == (401, "Unauthorized", "Sign in first."), route.path


async def test_each_route_is_for_its_role_and_those_above(site: Site) -> None:
    programs = {role: await site.program(role, role) for role in ROLES}
    for route in (r for r in ROUTES if r.role and r.path.startswith("/api")):
        path = route.path.removeprefix("/api/v1").replace("{", "").replace("}", "")
        for role in ROLES[: ROLES.index(route.role)]:
            status, problem = await programs[role].send(route.method, path)
            assert (status, f"the role {route.role}" in problem["detail"]) == (403, True), (route.path, role)


async def test_wrong_fields_are_all_named_and_their_values_never_repeated(site: Site) -> None:
    chief = await site.signed_in("chief", "administrator")

    status, problem = await chief.post("/handlers", {"id": "Amy!", "name": "Amy", "password": "short", "colour": "red"})

    assert status == 400
    assert {e["field"] for e in problem["errors"]} == {"id", "centre", "password", "colour"}
    assert "short" not in str(problem["errors"]).replace("shorter", "")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"\xff", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b'{"text": "a\\u0000b"}', "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"text=x", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
        ({"data": b" " * 70_000, "headers": {"Content-Type": "application/json"}}, 413),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused_in_words(site: Site, options: Any, status: int) -> None:
    desk = await site.signed_in("amy")

    got, problem = await desk.post("/contacts/AAAA-0001/notes", **options)

    assert (got, problem["status"]) == (status, status)
    assert problem["detail"]


async def test_unknown_paths_and_wrong_methods_are_problems_too(site: Site) -> None:
    desk = await site.signed_in("amy")

    missing, wrong = await desk.get("/nowhere"), await desk.send("PATCH", "/me")

    assert (missing[0], missing[1]["title"]) == (404, "Not Found")
    assert (wrong[0], wrong[1]["detail"]) == (405, "Only GET can be used here.")


async def test_when_the_database_cannot_write_nothing_is_said_to_be_done(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await site.signed_in("amy")

    async def full(_batch: object) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(site.store, "commit", full)
    url = f"{desk.base}/me/presence"
    headers = {"X-CSRF-Token": desk.csrf}
    async with desk.session.put(url, json={"state": "available"}, headers=headers) as answer:
        problem = await answer.json(content_type=None)

    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert "Nothing was changed" in problem["detail"]
    assert "disk" not in problem["detail"]


async def test_every_answer_is_fenced_in(site: Site) -> None:
    for path in ("/api/v1/me", "/healthz", "/nowhere"):
        async with aiohttp.request("GET", site.url + path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "no-store"


async def test_the_openapi_document_describes_every_route_and_all_it_refers_to(site: Site) -> None:
    _, document = await site.desk().get("/openapi.json")

    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(r.method, r.path) for r in ROUTES}
    components = document["components"]["schemas"]
    for reference in _references(document):
        kind, name = reference.removeprefix("#/components/").split("/")
        assert name in document["components"][kind], reference
    for schema in components.values():
        Draft202012Validator.check_schema(schema)
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
    reply = document["paths"]["/api/v1/contacts/{reference}/replies"]["post"]
    assert reply["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ReplyBody"}


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [r for part in value.values() for r in _references(part)]
    return [r for part in value for r in _references(part)] if isinstance(value, list) else []


async def test_webhooks_reach_the_text_channel_without_a_session_and_no_more_than_64_kib_of_them(site: Site) -> None:
    url = f"{site.url}/webhooks/twilio/message"
    async with aiohttp.ClientSession() as carrier:
        async with carrier.post(url, data={"From": "+441632960001", "Body": "hi"}) as answer:
            assert (answer.status, await answer.text()) == (200, "message 2")
        async with carrier.post(url, data={"Body": "x" * 70_000}) as answer:
            assert answer.status == 413
        async with carrier.post(f"{site.url}/webhooks/twilio/status") as answer:
            assert answer.status == 204


async def test_a_site_without_texts_has_no_webhooks(site_without_channels: Site) -> None:
    async with aiohttp.request("POST", f"{site_without_channels.url}/webhooks/twilio/message") as answer:
        assert answer.status == 404


async def test_a_body_that_never_ends_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.api.routes.BODY_SECONDS", 0.05)
    desk = await site.signed_in("amy")
    never = asyncio.Event()

    async def trickle() -> Any:
        yield b"{"
        await never.wait()

    headers = {"Content-Type": "application/json"}
    status, problem = await desk.post("/contacts/AAAA-0001/notes", data=trickle(), headers=headers)

    assert status == 400
    assert "in time" in problem["detail"]
