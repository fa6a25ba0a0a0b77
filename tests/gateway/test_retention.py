"""Recordings are deleted when their time is over, their contact closed and nobody holds them; and nothing else is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.calls import CallDesk
from gateway.retention import Retention
from gateway.store.records import Recording
from routing.events import CallerLeft, RecordingMade
from tests.gateway.api.site import CALLER, Site, settings_in

DAY = 86_400.0
KEEP = {"voice": {"enabled": False, "recording_keep_days": 30}}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site(settings_in(tmp_path, KEEP), None, None) as running:
        running.settings.voice.recordings_dir.mkdir(parents=True)
        yield running


def retention(site: Site) -> Retention:
    return Retention(site.settings.voice.recordings_dir, site.store, site.dispatcher, site.clock)


async def recorded(site: Site, reference: str, *, closed: bool = True) -> Path:
    """A call that was recorded and is over; its recording is finished after the end of the call."""
    await site.call(reference, f"{CALLER}{reference[-1]}")
    if closed:
        await site.dispatcher.submit(CallerLeft(reference))
    path = site.settings.voice.recordings_dir / f"{reference}_1.flac"
    path.write_bytes(b"sound")
    desk = CallDesk(site.dispatcher, site.store, site.clock, site.settings)
    await desk.report(RecordingMade(reference, str(path), f"hash of {reference}", 2.5))
    return path


async def one(site: Site, reference: str) -> Recording:
    (recording,) = await site.store.recordings(reference)
    return recording


async def test_a_recording_carries_the_date_until_which_its_queue_keeps_it(site: Site) -> None:
    site.now = lambda: 1000.0
    await recorded(site, "AAAA-0001")
    queues = tuple(q.model_copy(update={"recording_keep_days": 7}) for q in site.settings.queues)
    site.settings = site.settings.model_copy(update={"queues": queues})
    await recorded(site, "AAAA-0002")

    assert (await one(site, "AAAA-0001")).keep_until == 1000.0 + 30 * DAY
    assert (await one(site, "AAAA-0002")).keep_until == 1000.0 + 7 * DAY


async def test_what_is_past_its_time_is_deleted_and_the_journal_keeps_its_hash(site: Site) -> None:
    site.now = lambda: 1000.0
    path, stranger = await recorded(site, "AAAA-0001"), site.settings.voice.recordings_dir / "notes.txt"
    stranger.touch()

    site.now = lambda: 1000.0 + 30 * DAY
    await retention(site).delete_past()
    assert path.exists()

    site.now = lambda: 1001.0 + 30 * DAY
    await retention(site).delete_past()
    await retention(site).delete_past()

    assert (path.exists(), stranger.exists(), (await one(site, "AAAA-0001")).state) == (False, True, "deleted")
    (row,) = await site.rows("RecordingDeleted")
    assert (json.loads(row.document)["sha256"], row.reference) == ("hash of AAAA-0001", "AAAA-0001")


async def test_what_is_held_or_of_an_open_contact_or_without_a_date_is_kept(site: Site) -> None:
    held, opened, old = [
        await recorded(site, "AAAA-0001"),
        await recorded(site, "AAAA-0002", closed=False),
        await recorded(site, "AAAA-0003"),
    ]
    assert await site.store.hold_recording(str(held), "evidence")
    await site.store.save(replace(await one(site, "AAAA-0003"), keep_until=None))

    now = site.clock()
    site.now = lambda: now + 31 * DAY
    await retention(site).delete_past()

    assert held.exists() and opened.exists() and old.exists()
    assert await site.rows("RecordingDeleted") == []


async def test_a_deletion_that_was_cut_short_is_done_again_and_cannot_be_held_up_any_more(site: Site) -> None:
    path = await recorded(site, "AAAA-0001")
    now = site.clock()
    site.now = lambda: now + 31 * DAY
    await site.store.take_recordings_past(site.clock())  # and here the gateway died

    assert not await site.store.hold_recording(str(path), "too late")
    await retention(site).delete_past()

    assert (path.exists(), (await one(site, "AAAA-0001")).state) == (False, "deleted")


async def test_a_file_outside_the_recordings_folder_is_never_deleted(site: Site, tmp_path: Path) -> None:
    path = await recorded(site, "AAAA-0001")
    elsewhere = tmp_path / "elsewhere.flac"
    path.rename(elsewhere)
    await site.store.save(replace(await one(site, "AAAA-0001"), path=str(elsewhere)))
    now = site.clock()
    site.now = lambda: now + 31 * DAY

    await retention(site).delete_past()

    assert elsewhere.exists()
