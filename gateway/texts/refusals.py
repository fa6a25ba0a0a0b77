"""What becomes of a webhook that is refused: a stranger's is journalled, a carrier's own is an alarm too.

A text that its carrier has proved and that we cannot take is a person whom nobody answers, so a person must look.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from http import HTTPStatus

import structlog
from aiohttp import web

from channels.base import ChannelError, NotGenuine
from channels.text.port import Malformed, OutOfTime, TooMuch
from gateway.alarms import Alarms
from gateway.clock import Clock
from gateway.dispatcher import Dispatcher, NotWritten
from routing.events import Recorded
from routing.model import Time

log = structlog.get_logger()

MOST_A_MINUTE = 20
ALARMED_AGAIN_SECONDS = 60.0


class Refusals:
    def __init__(self, dispatcher: Dispatcher, clock: Clock, url: str) -> None:
        """``url``: what carriers call us by."""
        self._dispatcher, self._clock, self._url = dispatcher, clock, url
        self._alarms = Alarms(dispatcher, clock, ALARMED_AGAIN_SECONDS)
        self._reminders = Alarms(dispatcher, clock)  # of what costs nobody their text
        self._latest: defaultdict[str, list[Time]] = defaultdict(list)

    async def refuse(self, error: ChannelError, carrier: str, what: str = "text") -> web.Response:
        """``what``: a text, or a report. Raises HTTPServiceUnavailable when a carrier's own could not be put on record:
        it may bring it again."""
        proven = not isinstance(error, NotGenuine) or isinstance(error, OutOfTime)
        written = await self._journalled(error, carrier if proven else "")
        if proven and not written:
            raise web.HTTPServiceUnavailable(text="refused, and it could not be written down")
        if proven:
            await self._alarms.raise_one(f"{what}_refused", carrier, self._to_do(error, carrier, what))
        return web.Response(status=_status(error), text="refused")

    async def incomplete(self, carrier: str, problems: str) -> None:
        """A text that was taken although something of it is missing."""
        why = (
            f"The text carrier {carrier} brought a text with something missing or wrong: {problems}. It is with the "
            "handlers, but may not be answerable. If it goes on, ask the carrier what has changed in its webhooks."
        )
        await self._alarms.raise_one("text_incomplete", carrier, why)

    async def not_brought(self, carrier: str) -> None:
        """A text had to be fetched although we were here. A stranger cannot raise this by posting what is forged."""
        why = (
            f"A text had to be fetched from the carrier {carrier}: no webhook of it had been taken, although this "
            "gateway ran. Such texts come half a minute late, and whether ours arrive may not be told. If it goes on, "
            "see what the carrier posts to, and what its log says of our answer: it must be "
            f"{self._url}/webhooks/{carrier}/message, and http.public_url must be written exactly so."
        )
        await self._reminders.raise_one("texts_not_brought", carrier, why)

    async def _journalled(self, error: ChannelError, whose: str) -> bool:
        """A flood is logged but must not fill the journal; strangers cannot crowd out a carrier. True when it could be
        written, or was enough already."""
        now = self._clock()
        latest = self._latest[whose] = [at for at in self._latest[whose] if now - at < 60]
        log.warning("webhook_refused", why=str(error), last_minute=len(latest))
        if len(latest) < MOST_A_MINUTE:
            latest.append(now)
            by = f"carrier:{whose}" if whose else "outside"
            try:
                await self._dispatcher.submit(Recorded("webhook refused", by, str(error)))
            except NotWritten as down:
                log.error("refusal_not_journalled", why=str(down))
                return False
        return True

    def _to_do(self, error: ChannelError, carrier: str, what: str) -> str:
        at = datetime.fromtimestamp(self._clock(), UTC)
        told = f"A {what} that the carrier {carrier} brought at {at:%H:%M:%S} UTC was refused: {error}. "
        if what == "report":
            return f"{told}Whether a text of ours has arrived may not be shown. Tell whoever looks after the carrier."
        return (
            f"{told}Nobody has answered whoever wrote it. Find it at the carrier by this time, and answer it from "
            "there. If it goes on, the carrier's webhooks have changed, or our settings for it are wrong."
        )


def _status(error: ChannelError) -> HTTPStatus:
    match error:
        case TooMuch():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        case Malformed():
            return HTTPStatus.BAD_REQUEST
        case _:
            return HTTPStatus.FORBIDDEN
