"""Reading what is on record: with a reason, journalled first, and never more than asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.store.records import Attachment, Recording
from routing.events import EmergencyRaised
from tests.gateway.api.site import CALLER, Site

REF = "AAAA-0001"


async def consultations(site: Site) -> list[tuple[str, str, str]]:
    said = [json.loads(row.document) for row in await site.rows("Recorded")]
    return [(s["what"], s["by"], s["why"]) for s in said if s["what"] != "signed in"]


async def test_its_handler_reads_a_contact_without_a_reason_and_others_must_give_one(site: Site) -> None:
    amy, ben = await site.signed_in("amy", available=True), await site.signed_in("ben")
    await site.text(REF)
    await site.answer(REF)

    assert (await amy.get(f"/contacts/{REF}"))[1]["contact"]["reference"] == REF
    status, problem = await ben.get(f"/contacts/{REF}")
    assert (status, problem["errors"][0]["field"]) == (400, "reason")
    assert (await ben.get(f"/contacts/{REF}?reason=same+caller+as+mine"))[0] == 200

    assert await consultations(site) == [
        ("contact read", "handler:amy", "has the contact"),
        ("contact read", "handler:ben", "same caller as mine"),
    ]


async def test_a_search_needs_a_reason_and_is_on_record_with_what_was_looked_for(site: Site) -> None:
    amy = await site.signed_in("amy", "supervisor", available=True)
    await site.text(REF)
    await site.text("AAAA-0002", sender="+441632960009")

    assert (await amy.get("/contacts"))[0] == 400
    _, found = await amy.get("/contacts", params={"party": CALLER, "reason": "repeat caller"})

    assert [c["reference"] for c in found["contacts"]] == [REF]
    assert await consultations(site) == [
        ("contacts searched", "handler:amy", f"repeat caller; searched party {CALLER}")
    ]


async def test_pages_of_a_search_follow_each_other_without_gap_or_double(site: Site) -> None:
    program = await site.program("board", "supervisor")
    for number in range(5):
        await site.text(f"AAAA-000{number}")
    seen: list[str] = []
    page: dict[str, Any] = {"reason": "test", "limit": 2}
    while True:
        _, found = await program.get("/contacts", params=page)
        seen += [c["reference"] for c in found["contacts"]]
        if found["before"] is None:
            break
        page["before"] = found["before"]

    assert seen == [f"AAAA-000{n}" for n in (4, 3, 2, 1, 0)]


async def test_the_story_is_told_in_sentences_and_who_consulted_it_is_not_for_its_handler(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    sue = await site.signed_in("sue", "supervisor")
    await site.text(REF)
    await site.answer(REF)
    await sue.get(f"/contacts/{REF}?reason=complaint")

    _, for_amy = await amy.get(f"/contacts/{REF}/journal")
    _, for_sue = await sue.get(f"/contacts/{REF}/journal?reason=complaint")

    assert (for_amy[0]["actor"], for_amy[0]["sentence"]) == (
        "caller",
        "sent a message (text) to 61016, queue texts",
    )
    assert ("handler:amy", "accepted the offer") in [(r["actor"], r["sentence"]) for r in for_amy]
    assert "complaint" not in str(for_amy)
    assert "contact read (complaint)" in [r["sentence"] for r in for_sue]


async def with_attachment(site: Site, path: str, filename: str, content_type: str = "text/html") -> str:
    message = await site.text(REF)
    await site.store.save(Attachment("a-1", message.id, filename, content_type, 5, "", path))
    return f"/contacts/{REF}/attachments/a-1"


async def test_an_attachment_is_downloaded_and_never_shown_as_a_page(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    folder = site.settings.text.media_dir
    folder.mkdir(parents=True)
    (folder / "abc").write_bytes(b"<script>")
    path = await with_attachment(site, str(folder / "abc"), 'x"\r\nSet-Cookie: é.html', "text/html\r\nX: y")

    async with amy.session.get(amy.base + path) as answer:
        assert await answer.read() == b"<script>"
        headers = answer.headers

    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''x%22%0D%0ASet-Cookie%3A%20%C3%A9.html"
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]


async def test_no_path_leads_out_of_our_folders(site: Site, tmp_path: Path) -> None:
    amy = await site.signed_in("amy", available=True)
    site.settings.text.media_dir.mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (site.settings.text.media_dir / "link").symlink_to(secret)

    for path in (str(secret), str(site.settings.text.media_dir / "link"), "pending:http://x/", ""):
        url = await with_attachment(site, path, "x") if path == str(secret) else f"/contacts/{REF}/attachments/a-1"
        await site.store.save(Attachment("a-1", f"m-{REF}", "x", "text/plain", 5, "", path))
        assert (await amy.get(url))[0] == 404, path


async def with_recording(site: Site, kind: str = "wav") -> Path:
    await site.call(REF)
    path = site.settings.voice.recordings_dir / f"r.{kind}"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(range(100)))
    await site.store.save(Recording(str(path), REF, 1.0, 2.5, "ab", keep_until=86_400.0))
    return path


@pytest.mark.parametrize("kind", ["wav", "flac"])
async def test_listening_to_a_recording_needs_a_reason_even_of_its_handler_and_answers_ranges(
    site: Site, kind: str
) -> None:
    amy = await site.signed_in("amy", available=True, extension="201")
    await with_recording(site, kind)
    await site.answer(REF)
    (recording,) = (await amy.get(f"/contacts/{REF}/recordings"))[1]
    url = f"/contacts/{REF}/recordings/{recording['number']}"

    assert (await amy.get(url))[0] == 400
    async with amy.session.get(f"{amy.base}{url}?reason=address+unclear", headers={"Range": "bytes=10-19"}) as answer:
        part = await answer.read()

    assert (answer.status, part, answer.headers["Content-Type"]) == (206, bytes(range(10, 20)), f"audio/{kind}")
    assert (await consultations(site))[-1] == ("recording 1 listened to", "handler:amy", "address unclear")


async def test_a_supervisor_holds_a_recording_beyond_its_time_with_a_reason(site: Site) -> None:
    sue, amy = await site.signed_in("sue", "supervisor"), await site.signed_in("amy")
    path = await with_recording(site)
    url, read = f"/contacts/{REF}/recordings/1/hold", f"/contacts/{REF}/recordings?reason=evidence"

    assert (await amy.send("PUT", url, {"reason": "mine"}))[0] == 403
    assert (await sue.send("PUT", url, {}))[0] == 400
    assert (await sue.send("PUT", url, {"reason": "exhibit AB/1"}))[0] == 204

    (held,) = (await sue.get(read))[1]
    assert (held["held"], held["state"], held["keep_until"]) == ("exhibit AB/1", "kept", "1970-01-02T00:00:00Z")
    assert ("recording 1 held", "handler:sue", "exhibit AB/1") in await consultations(site)
    assert (await sue.send("DELETE", url))[0] == 204
    (free,) = (await sue.get(read))[1]
    assert free["held"] == ""

    (recording,) = await site.store.recordings(REF)
    await site.store.save(replace(recording, state="deleted"))
    assert (await sue.send("PUT", url, {"reason": "too late"}))[0] == 409
    status, problem = await sue.get(f"/contacts/{REF}/recordings/1?reason=evidence")
    assert (status, "deleted" in problem["detail"], path.exists()) == (404, True, True)


async def test_a_recording_that_is_not_there_is_not_found(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    await with_recording(site)

    for number in ("0", "2", "-1", "x", "9" * 5000):
        assert (await sue.get(f"/contacts/{REF}/recordings/{number}?reason=x"))[0] == 404


async def test_queues_are_for_all_and_the_line_in_order_for_supervisors(site: Site) -> None:
    amy, sue = await site.signed_in("amy"), await site.signed_in("sue", "supervisor")
    start = site.clock()
    site.now = lambda: start
    await site.call(REF)
    await site.text("AAAA-0002")
    await amy.post("/contacts/AAAA-0002/emergency", {"how": "weapon"})
    site.now = lambda: start + 40

    _, for_amy = await amy.get("/queues")
    _, for_sue = await sue.get("/queues")

    general = for_amy["queues"][0]
    assert (general["waiting"], general["longest_wait_seconds"], for_amy["calls"]) == (1, 40.0, 1)
    assert for_amy["waiting"] == []
    assert [(w["contact"], w["emergency"], w["overdue"]) for w in for_sue["waiting"]] == [
        ("AAAA-0002", True, True),
        (REF, False, True),
    ]


async def test_supervisors_see_the_latest_alarms_first(site: Site) -> None:
    sue = await site.signed_in("sue", "supervisor")
    for number in (1, 2):
        await site.text(f"AAAA-000{number}")
        await sue.post(f"/contacts/AAAA-000{number}/emergency", {"how": f"weapon {number}"})

    _, alarms = await sue.get("/alarms?limit=1")

    assert [(a["what"], a["why"], a["contact"]) for a in alarms] == [("emergency", "Emergency: weapon 2.", "AAAA-0002")]


async def test_the_desk_learns_the_sites_tables(site: Site) -> None:
    amy = await site.signed_in("amy")

    _, desk = await amy.get("/settings/desk")

    assert [g["id"] for g in desk["grades"] if g["emergency"]] == ["emergency"]
    assert {"id": "fcc", "name": "Force Contact Centre"} in desk["centres"]


async def test_ready_says_what_is_wrong_and_alive_only_that_it_lives(site: Site) -> None:
    desk = site.desk()
    desk.base = site.url
    assert await desk.get("/readyz") == (200, {"ready": True, "wrong": {}, "warnings": {}})

    site.wrong = {"voice": "the edge does not answer", "text": ""}

    assert await desk.get("/readyz") == (
        503,
        {"ready": False, "wrong": {"voice": "the edge does not answer"}, "warnings": {}},
    )
    site.wrong, site.warnings = {}, {"voice": "no answer from trunk first"}
    assert await desk.get("/readyz") == (
        200,
        {"ready": True, "wrong": {}, "warnings": {"voice": "no answer from trunk first"}},
    )
    assert (await desk.get("/healthz"))[0] == 200


async def test_the_figures_count_contacts_and_offers_and_name_nobody(site: Site) -> None:
    await site.signed_in("amy", available=True)
    await site.text(REF, "hello")
    await site.answer(REF)
    desk = site.desk()
    desk.base = site.url

    _, figures = await desk.get("/metrics")

    for line in (
        'gateway_contacts_total{channel="text"} 1.0',
        'gateway_offers_total{outcome="accepted"} 1.0',
        'gateway_handlers{doing="on_contact"} 1.0',
        'gateway_waiting{queue="texts"} 0.0',
        'gateway_answer_seconds_count{channel="text"} 1.0',
    ):
        assert line in figures
    assert "amy" not in figures
    assert CALLER not in figures


async def test_who_is_on_offer_to_a_handler_and_taken_by_none_waits_in_their_place(site: Site) -> None:
    """Everything would look well where offers expire one after the other."""
    sue, start = await site.signed_in("sue", "supervisor"), site.clock()
    site.now = lambda: start
    amy = await site.signed_in("amy", available=True)
    await site.text("AAAA-0001")
    await amy.send("PUT", "/me/presence", {"state": "away", "reason": "break"})
    site.now = lambda: start + 5
    await site.text("AAAA-0002")
    await amy.send("PUT", "/me/presence", {"state": "available"})
    assert [site.dispatcher.board.contacts[f"AAAA-000{n}"].stage for n in (1, 2)] == ["offered", "offered"]
    site.now = lambda: start + 700

    _, shown = await sue.get("/queues")

    texts = next(queue for queue in shown["queues"] if queue["id"] == "texts")
    assert (texts["waiting"], texts["longest_wait_seconds"]) == (2, 700)
    assert [(w["contact"], w["overdue"]) for w in shown["waiting"]] == [("AAAA-0001", True), ("AAAA-0002", True)]
    metrics = site.telemetry.exposition().decode()
    assert 'gateway_waiting{queue="texts"} 2.0' in metrics
    assert 'gateway_longest_wait_seconds{queue="texts"} 700.0' in metrics


async def test_an_emergency_that_is_shown_to_a_handler_and_taken_by_none_is_counted_as_waiting(site: Site) -> None:
    amy = await site.signed_in("amy", available=True)
    await site.text("AAAA-0009", "help")
    await site.dispatcher.submit(EmergencyRaised("AAAA-0009", "handler:amy", "they wrote of a knife"))
    assert site.dispatcher.board.contacts["AAAA-0009"].offers
    _, said = await amy.get("/queues")
    assert {q["id"]: q["emergencies"] for q in said["queues"]}["texts"] == 1
