"""Draining before a deployment: administrators only, and on record."""

from __future__ import annotations

from tests.gateway.api.site import Site


async def test_an_administrator_stops_new_calls_and_takes_them_again(site: Site) -> None:
    ada = await site.signed_in("ada", role="administrator")

    status, state = await ada.post("/drain", {"draining": True})

    assert (status, state) == (200, {"draining": True, "calls": 2})
    assert (await ada.get("/drain"))[1]["draining"]
    assert (await ada.post("/drain", {"draining": False}))[1] == {"draining": False, "calls": 2}
    said = [row.document for row in await site.rows() if row.kind == "Recorded" and "draining" in row.document]
    assert len(said) == 2 and all("ada" in row for row in said)


async def test_nobody_else_does(site: Site) -> None:
    sam = await site.signed_in("sam", role="supervisor")

    assert (await sam.post("/drain", {"draining": True}))[0] == 403
    assert site.calls is not None and not site.calls.draining
