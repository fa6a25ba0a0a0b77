"""Who the carrier's tests talk to: settings for a carrier at any address, and small servers that misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from pydantic import SecretStr

from config.text import Text

ACCOUNT = "AC" + "0a" * 16
TOKEN = "the token"
PICTURE = b"\xff\xd8 a picture" * 10_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def settings_for(api_url: str, media_dir: Path, token: str = TOKEN) -> Text:
    return Text(
        enabled=True,
        account_sid=ACCOUNT,
        auth_token=SecretStr(token),
        api_url=api_url,
        numbers=(),
        media_limit_bytes=len(PICTURE),
        media_dir=media_dir / "media",
        media_types=("image/", "application/octet-stream"),
        replay_window_seconds=300,
    )


@dataclass
class Seen:
    """A web server at ``url`` and the Authorization headers it was shown ('' for none)."""

    url: str = ""
    credentials: list[str] = field(default_factory=list)


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[Seen]:
    seen = Seen()

    async def note_and_answer(request: web.Request) -> web.StreamResponse:
        seen.credentials.append(request.headers.get("Authorization", ""))
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", note_and_answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    seen.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield seen
    finally:
        await runner.cleanup()
