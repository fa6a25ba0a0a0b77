"""Signing in, staying signed in, signing out."""

from __future__ import annotations

import json

from tests.gateway.api.site import PASSWORD, Site


async def test_signing_in_tells_who_i_am_and_sets_a_cookie_that_scripts_cannot_read(site: Site) -> None:
    await site.person("amy", "supervisor")
    desk = site.desk()

    status, answer = await desk.sign_in("amy")

    assert (status, answer["name"], answer["role"], answer["handler"]) == (201, "amy", "supervisor", "amy")
    (cookie,) = desk.session.cookie_jar
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert (await desk.get("/session"))[1]["csrf"] == desk.csrf


async def test_on_a_secure_site_the_cookie_is_bound_to_https_and_this_host(site: Site) -> None:
    http = site.settings.http.model_copy(update={"secure_cookies": True})
    object.__setattr__(site.services, "settings", site.settings.model_copy(update={"http": http}))
    await site.person("amy")
    desk = site.desk()

    async with desk.session.post(desk.base + "/session", json={"name": "amy", "password": PASSWORD}) as answer:
        header = answer.headers["Set-Cookie"]

    assert header.startswith("__Host-session=")
    assert "Secure" in header


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(site: Site) -> None:
    await site.person("amy")
    desk = site.desk()

    wrong = await desk.sign_in("amy", "not the password")
    unknown = await desk.sign_in("nobody", "not the password")

    assert wrong == unknown
    assert wrong[0] == 401


async def test_sign_ins_and_failures_are_journalled_but_an_unknown_name_may_be_a_password_and_is_not(
    site: Site,
) -> None:
    await site.person("amy")
    await site.desk().sign_in("hunter2 hunter2")
    await site.desk().sign_in("amy", "not the password")
    await site.desk().sign_in("amy")

    said = [json.loads(row.document) for row in await site.rows("Recorded")]

    assert [(s["what"], s["by"]) for s in said] == [
        ("sign-in refused", "unknown"),
        ("sign-in refused", "unknown"),
        ("signed in", "handler:amy"),
    ]
    assert "hunter2" not in said[0]["why"]
    assert "amy from 127.0.0.1" in said[1]["why"]


async def test_guessing_is_slowed_down_for_the_guesser_and_not_for_the_handler_elsewhere(site: Site) -> None:
    await site.person("amy")
    guesser, amy = site.desk(), site.desk()
    amy.headers["X-Forwarded-For"] = "192.0.2.7"
    for _ in range(5):
        assert (await guesser.sign_in("amy", "guess"))[0] == 401

    status, problem = await guesser.sign_in("amy")

    assert status == 429
    assert "Wait" in problem["detail"]
    assert (await amy.sign_in("amy"))[0] == 201


async def test_a_session_ends_at_sign_out_and_the_handler_goes_offline(site: Site) -> None:
    desk = await site.signed_in("amy", available=True)

    status, _ = await desk.send("DELETE", "/session")

    assert status == 204
    assert (await desk.get("/me"))[0] == 401
    assert site.dispatcher.board.handlers["amy"].presence.state == "offline"


async def test_an_unsafe_request_with_a_cookie_needs_the_csrf_token_and_a_program_needs_none(site: Site) -> None:
    desk = await site.signed_in("amy", "administrator")
    program = await site.program("roster", "administrator")
    body = {"name": "other", "role": "handler"}

    forged = await desk.post("/tokens", body, headers={"X-CSRF-Token": "guess"})
    genuine = await desk.post("/tokens", body)
    by_program = await program.post("/tokens", body | {"name": "third"})

    assert (forged[0], genuine[0], by_program[0]) == (403, 201, 201)
    assert "X-CSRF-Token" in forged[1]["detail"]


async def test_an_idle_session_ends_after_an_hour_and_a_used_one_at_the_longest(site: Site) -> None:
    start = 1_800_000_000.0
    site.now = lambda: start
    idle, used = await site.signed_in("amy"), await site.signed_in("ben")
    for hour in range(1, 26):
        site.now = lambda hour=hour: start + hour * 1800.0  # type: ignore[misc]
        if hour < 24:
            assert (await used.get("/session"))[0] == 200

    assert (await idle.get("/session"))[0] == 401
    assert (await used.get("/session"))[0] == 401


async def test_a_new_password_ends_the_sessions_opened_with_the_old_one(site: Site) -> None:
    chief = await site.signed_in("chief", "administrator")
    amy = await site.signed_in("amy")
    change = {"name": "Amy", "centre": "fcc", "password": "another long password"}

    assert (await chief.send("PUT", "/handlers/amy", change))[0] == 200

    assert (await amy.get("/me"))[0] == 401
    assert (await site.desk().sign_in("amy", "another long password"))[0] == 201


async def test_a_token_that_was_removed_opens_nothing_any_more(site: Site) -> None:
    chief = await site.signed_in("chief", "administrator")
    made = (await chief.post("/tokens", {"name": "board", "role": "supervisor"}))[1]
    board = site.desk()
    board.headers["Authorization"] = f"Bearer {made['token']}"
    assert (await board.get("/alarms"))[0] == 200
    assert made["token"] not in str((await chief.get("/tokens"))[1])

    assert (await chief.send("DELETE", "/tokens/board"))[0] == 204

    assert (await board.get("/alarms"))[0] == 401
