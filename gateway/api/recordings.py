"""The recordings of a contact's calls. Listening is a consultation: always with a reason."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel

from channels.voice.message_files import is_message
from gateway.api.consultation import Consultation, consult, current
from gateway.api.messages import stored_file
from gateway.api.models import Line, moment, moment_or_none
from gateway.api.problems import Conflict, NotFound
from gateway.api.routes import In, Nothing, Request, Route
from gateway.store.records import Recording
from gateway.texts.pictures import FENCED
from routing.events import Recorded

CONTENT_TYPES = {".flac": "audio/flac", ".wav": "audio/wav"}


class RecordingOut(BaseModel):
    """``number`` counts from 1, the oldest first. Left channel: the caller; right: the police side; a ``voicemail`` has
    the caller alone.

    ``keep_until``: deleted after that, once the contact is closed, unless ``held`` says why not; null: kept for ever.
    """

    number: int
    at: datetime
    seconds: float
    sha256: str
    keep_until: datetime | None
    held: str
    state: Literal["kept", "deleting", "deleted"]
    voicemail: bool


class HoldBody(In):
    reason: Line


async def listing(request: Request[Consultation, Nothing]) -> list[RecordingOut]:
    contact = await consult(request, "recordings listed", request.query.reason)
    recordings = await _recordings(request, contact.reference)
    return [
        RecordingOut(
            number=number,
            at=moment(r.at),
            seconds=r.seconds,
            sha256=r.sha256,
            keep_until=moment_or_none(r.keep_until),
            held=r.held,
            state=r.state,
            voicemail=is_message(Path(r.path)),
        )
        for number, r in enumerate(recordings, start=1)
    ]


async def listen(request: Request[Consultation, Nothing]) -> web.StreamResponse:
    """Ranges are answered (RFC 9110, 14), so that a player can jump; each request is journalled."""
    recording = await _numbered(request)
    await consult(request, f"recording {request.path['number']} listened to", request.query.reason, always=True)
    if recording.state != "kept":
        raise NotFound("This recording was deleted: its time was over.")
    folder = request.services.settings.voice.recordings_dir
    path = await asyncio.to_thread(stored_file, str(folder / recording.path), folder)
    kind = CONTENT_TYPES.get(path.suffix, "application/octet-stream")
    return web.FileResponse(path, headers={**FENCED, "Content-Type": kind})


async def hold(request: Request[Nothing, HoldBody]) -> None:
    """Keep it beyond its time: evidence, a complaint, a request to see it."""
    await _hold(request, request.body.reason, "held")


async def release(request: Request[Nothing, Nothing]) -> None:
    """Its own time counts again."""
    await _hold(request, "", "released")


async def _hold(request: Request[Nothing, Any], why: str, what: str) -> None:
    """Journalled first, as every change of what is kept."""
    recording, services = await _numbered(request), request.services
    told = Recorded(f"recording {request.path['number']} {what}", request.who.by, why, recording.reference)
    await services.dispatcher.submit(told)
    if not await services.store.hold_recording(recording.path, why):
        raise Conflict("This recording is deleted: its time was over.")


async def _numbered(request: Request[Any, Any]) -> Recording:
    recordings = await _recordings(request, (await current(request.services, request.path["reference"])).reference)
    number = request.path["number"]
    if number not in map(str, range(1, len(recordings) + 1)):
        raise NotFound(f"There is no recording {number}; there are {len(recordings)}.")
    return recordings[int(number) - 1]


async def _recordings(request: Request[Any, Any], reference: str) -> list[Recording]:
    return sorted(await request.services.store.recordings(reference), key=lambda r: (r.at, r.path))


BASE = "/api/v1/contacts/{reference}/recordings"
ROUTES = (
    Route("GET", BASE, "List the recordings", "handler", listing),
    Route("GET", f"{BASE}/{{number}}", "Listen to a recording", "handler", listen),
    Route("PUT", f"{BASE}/{{number}}/hold", "Keep a recording beyond its time", "supervisor", hold),
    Route("DELETE", f"{BASE}/{{number}}/hold", "Keep a recording no longer than its time", "supervisor", release),
)
