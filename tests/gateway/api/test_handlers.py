"""Handlers, their accounts, and the import of a roster."""

from __future__ import annotations

import pytest

from tests.gateway.api.site import PASSWORD, Desk, Site

HEADER = "id,name,centre,skills,extension,role,password\n"


@pytest.fixture
async def chief(site: Site) -> Desk:
    return await site.signed_in("chief", "administrator", extension="900")


async def import_csv(desk: Desk, text: str) -> tuple[int, dict[str, object]]:
    return await desk.post("/handlers/import", data=text.encode(), headers={"Content-Type": "text/csv"})


async def test_a_handler_is_added_and_can_sign_in_with_the_role(site: Site, chief: Desk) -> None:
    body = {"id": "amy", "name": "Amy", "centre": "crc", "skills": ["welsh"], "extension": "201", "password": PASSWORD}

    status, account = await chief.post("/handlers", body | {"role": "supervisor"})

    assert (status, account["role"], account["can_sign_in"]) == (201, "supervisor", True)
    assert (await site.desk().sign_in("amy"))[1]["role"] == "supervisor"
    assert (await chief.post("/handlers", body))[0] == 409


async def test_a_change_keeps_the_password_that_is_not_given_and_what_the_handler_is_doing(
    site: Site, chief: Desk
) -> None:
    await site.signed_in("amy", available=True)

    status, account = await chief.send("PUT", "/handlers/amy", {"name": "Amy B", "centre": "crc", "role": "supervisor"})

    assert (status, account["handler"]["presence"]["state"]) == (200, "available")
    assert (await site.desk().sign_in("amy"))[1]["role"] == "supervisor"


async def test_an_extension_rings_for_one_handler_only_and_the_centre_must_exist(site: Site, chief: Desk) -> None:
    body = {"id": "amy", "name": "Amy", "centre": "moon", "extension": "900"}

    status, problem = await chief.post("/handlers", body)

    assert status == 400
    assert {e["field"]: e["why"] for e in problem["errors"]} == {
        "centre": "there is no centre 'moon'; there are: fcc, crc",
        "extension": "900 belongs to chief",
    }


async def test_a_handler_who_has_contacts_is_not_removed_and_one_who_has_none_is_gone_at_once(
    site: Site, chief: Desk
) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text("AAAA-0001")
    await site.answer("AAAA-0001")
    assert (await chief.send("DELETE", "/handlers/amy"))[0] == 409
    assert (await amy.get("/me"))[0] == 200
    await amy.post("/contacts/AAAA-0001/wrap-up", {"disposition": "resolved"})

    assert (await chief.send("DELETE", "/handlers/amy"))[0] == 204

    assert (await amy.get("/me"))[0] == 401
    assert (await site.desk().sign_in("amy"))[0] == 401
    assert (await chief.send("DELETE", "/handlers/amy"))[0] == 404


async def test_a_roster_adds_and_changes_and_keeps_what_it_does_not_say(site: Site, chief: Desk) -> None:
    await site.signed_in("amy", available=True)
    roster = HEADER + f"amy,Amy B,crc,welsh; bsl,201,supervisor,\nben,Ben,fcc,,202,,{PASSWORD}\n"

    assert await import_csv(chief, roster) == (200, {"added": 1, "changed": 1})

    board = site.dispatcher.board
    assert board.handlers["amy"].skills == {"welsh", "bsl"}
    assert board.handlers["amy"].presence.state == "available"
    assert (await site.desk().sign_in("amy"))[1]["role"] == "supervisor"
    assert (await site.desk().sign_in("ben"))[1]["role"] == "handler"


async def test_a_roster_says_what_a_handler_takes_and_keeps_what_it_leaves_empty(site: Site, chief: Desk) -> None:
    columns = "id,name,centre,skills,extension,role,text_capacity,email_capacity,auto_answer,reserved\n"
    await import_csv(chief, columns + "amy,Amy,fcc,,201,,5,0,true,\nben,Ben,fcc,,202,,,,,true\n")

    assert await import_csv(chief, columns + "amy,Amy,fcc,,201,,,,,\n") == (200, {"added": 0, "changed": 1})

    amy, ben = (site.dispatcher.board.handlers[name] for name in ("amy", "ben"))
    assert (amy.text_capacity, amy.email_capacity, amy.auto_answer, amy.reserved) == (5, 0, True, False)
    assert (ben.text_capacity, ben.auto_answer, ben.reserved) == (3, False, True)
    status, problem = await import_csv(chief, columns + "amy,Amy,fcc,,2,,99,few,perhaps,\n")
    told = [e["field"] for e in problem["errors"]]  # type: ignore[attr-defined]
    assert status == 400
    assert told == [f"line 2: {c}" for c in ("extension", "text_capacity", "email_capacity", "auto_answer")]


async def test_all_mistakes_of_a_roster_are_told_at_once_and_nothing_is_saved(site: Site, chief: Desk) -> None:
    roster = HEADER + (
        "amy,Amy,fcc,,201,handler,\n"
        "Ben!,Ben,fcc,,202,boss,\n"
        "cat,Cat,moon,,201,handler,short\n"
        "amy,Amy again,fcc,,203,handler,\n"
        "dan,Dan\n"
        "eve,Eve,moon,,900,handler,\n"
    )

    status, problem = await import_csv(chief, roster)

    assert status == 400
    told = [e["field"] for e in problem["errors"]]  # type: ignore[attr-defined]
    assert told == [
        "line 3: id",
        "line 3: role",
        "line 4: password",
        "line 5: id",
        "line 6: line",
        "line 7: centre",
        "line 7: extension",
    ]
    assert set(site.dispatcher.board.handlers) == {"chief"}


@pytest.mark.parametrize("text", ["", "id,name\namy,Amy\n", HEADER + 'amy,"Amy\n', HEADER + "a,b,c,d,e,f,g,h\n"])
async def test_what_is_no_roster_is_refused_in_words(site: Site, chief: Desk, text: str) -> None:
    status, problem = await import_csv(chief, text)

    assert status == 400
    assert problem["errors"]
