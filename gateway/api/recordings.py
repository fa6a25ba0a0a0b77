"""The recordings of a contact's calls. Listening is a consultation: always with a reason."""

from __future__ import annotations

import asyncio
from datetime import datetime

from aiohttp import web
from pydantic import BaseModel

from gateway.api.consultation import Consultation, consult, current
from gateway.api.messages import FENCED, stored_file
from gateway.api.models import moment
from gateway.api.problems import NotFound
from gateway.api.routes import Nothing, Request, Route
from gateway.store.records import Recording


class RecordingOut(BaseModel):
    """``number`` counts from 1, the oldest first."""

    number: int
    at: datetime
    seconds: float
    sha256: str


async def listing(request: Request[Consultation, Nothing]) -> list[RecordingOut]:
    contact = await consult(request, "recordings listed", request.query.reason)
    recordings = await _recordings(request, contact.reference)
    return [
        RecordingOut(number=n, at=moment(r.at), seconds=r.seconds, sha256=r.sha256)
        for n, r in enumerate(recordings, start=1)
    ]


async def listen(request: Request[Consultation, Nothing]) -> web.StreamResponse:
    """Ranges are answered (RFC 9110, 14), so that a player can jump; each request is journalled."""
    recordings = await _recordings(request, (await current(request.services, request.path["reference"])).reference)
    number = request.path["number"]
    if number not in map(str, range(1, len(recordings) + 1)):
        raise NotFound(f"There is no recording {number}; there are {len(recordings)}.")
    await consult(request, f"recording {number} listened to", request.query.reason, always=True)
    folder = request.services.settings.voice.recordings_dir
    path = await asyncio.to_thread(stored_file, str(folder / recordings[int(number) - 1].path), folder)
    return web.FileResponse(path, headers={**FENCED, "Content-Type": "audio/wav"})


async def _recordings(request: Request[Consultation, Nothing], reference: str) -> list[Recording]:
    return sorted(await request.services.store.recordings(reference), key=lambda r: (r.at, r.path))


BASE = "/api/v1/contacts/{reference}/recordings"
ROUTES = (
    Route("GET", BASE, "List the recordings", "handler", listing),
    Route("GET", f"{BASE}/{{number}}", "Listen to a recording", "handler", listen),
)
