"""Texts and the board: the carriers' webhooks become events, decided messages leave through the carriers.

A webhook is answered with 2xx only when its texts are on disk. Pictures are fetched afterwards.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from aiohttp import web

from channels.base import ChannelError, NotGenuine
from channels.text.port import Carrier, IncomingText, Malformed, StatusReport, TooMuch, Webhook
from config.settings import Settings
from gateway.alarms import Alarms
from gateway.api.problems import TooLarge
from gateway.api.routes import read_bytes
from gateway.clock import Clock
from gateway.dates import impossible
from gateway.deciding import Outcome
from gateway.dispatcher import Dispatcher, NotWritten
from gateway.outbox.naming import name_of
from gateway.store.records import FINAL_STATUSES, Attachment, Message, MessageStatus, SentAt
from gateway.store.store import Store, StoreError
from gateway.texts.carriers import KEY, Carriers, came_by, senders
from gateway.texts.files import TextFiles
from gateway.texts.intake import JudgeAll, TextIntake
from gateway.texts.missed import MissedTexts
from gateway.texts.pictures import Pictures
from gateway.texts.refusals import Refusals
from routing.events import DeliveryReported, Recorded
from routing.model import Time

log = structlog.get_logger()

REPORT_TRIES, REPORT_PAUSE = 40, 0.1
# Many texts can come in one webhook.
WEBHOOK_BYTES = 1_000_000


class TextChannel:
    """Webhooks in, the outbox's texts out, attachments fetched."""

    name = "text"

    def __init__(
        self,
        settings: Settings,
        store: Store,
        dispatcher: Dispatcher,
        clock: Clock,
        new_reference: Callable[[], str],
        new_id: Callable[[], str],
        judge_all: JudgeAll,
    ) -> None:
        self._settings, self._store, self._dispatcher, self._clock = settings, store, dispatcher, clock
        self._intake = TextIntake(settings, store, dispatcher, clock, new_reference, new_id, judge_all)
        self._carriers = Carriers(settings, clock, Alarms(dispatcher, clock))
        self._files = TextFiles(self._carriers, store, dispatcher)
        self._to_order: asyncio.Queue[str] = asyncio.Queue()
        self._refusals = Refusals(dispatcher, clock, settings.http.public_url)
        self._pictures = Pictures(settings, store, lambda: dispatcher.board, clock)
        self._missed = MissedTexts(
            settings.text, store, self._carriers, clock, self._take_missed, self._refusals.not_brought
        )
        self.senders = senders(self._carriers, store, self._pictures)

    async def run(self) -> None:
        """Fetch attachments and watch the carriers until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._files.run(), name="text attachments")
            tasks.create_task(self._order_all(), name="text order")
            tasks.create_task(self._missed.run(), name="missed texts")
            tasks.create_task(self._carriers.run(), name="text carriers")

    def healthy(self) -> str:
        return self._carriers.healthy()

    # --- texts that come -------------------------------------------------------------------------------------

    async def message(self, request: web.Request) -> web.Response:
        """A carrier brings texts; what can be read of them is taken, whatever else is among them."""
        carrier = self._carrier(request)
        try:
            texts = carrier.read_texts(await self._webhook(request), self._clock())
        except (NotGenuine, Malformed) as error:
            return await self._refusals.refuse(error, carrier.id)
        refused = [answer for text in texts if (answer := await self._text(text, carrier)) is not None]
        return refused[0] if refused else _thanks(carrier)

    async def _text(self, text: IncomingText | Malformed, carrier: Carrier) -> web.Response | None:
        """None when it is taken."""
        if isinstance(text, Malformed):
            return await self._refusals.refuse(text, carrier.id)
        try:
            outcome = await self._take(text)
            earlier = await self._earlier(text) if outcome.duplicate else None
            if earlier and _content(earlier) != _content(text):
                text = _another(text)
                outcome = await self._take_another(text)
                earlier = await self._earlier(text) if outcome.duplicate else None
            if earlier and self._clock() - earlier.at > self._settings.text.replay_window_seconds:
                again = NotGenuine("a text that we have had for a long time was brought again")
                return await self._refusals.refuse(again, carrier.id)
        except (NotWritten, StoreError) as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        if text.problems and not outcome.duplicate:
            await self._refusals.incomplete(carrier.id, text.problems)
        return None

    async def _earlier(self, text: IncomingText) -> Message | None:
        """The one that came with its identifier before: the same, or somebody else's, or of other words."""
        return await self._store.message_by(provider_key=f"{KEY}{text.message_sid}")

    async def _take_another(self, text: IncomingText) -> Outcome:
        """Raises NotWritten, StoreError."""
        what = "took a text that came with the identifier of another, of other words or another sender"
        return await self._take_and_tell(text, "identifier_used_before", what)

    async def _take(self, text: IncomingText) -> Outcome:
        event, records = await self._intake.understood(text)
        outcome = await self._dispatcher.submit(event, *records)
        attachments = [record for record in records if isinstance(record, Attachment)]
        if not outcome.duplicate:
            self._files.fetch(attachments)
            if text.sent_at is None and outcome.reference != getattr(event, "reference", ""):
                self._to_order.put_nowait(outcome.reference)
        return outcome

    async def _take_missed(self, text: IncomingText) -> None:
        """One that no webhook has brought. Raises NotWritten, StoreError."""
        what = "fetched a text from the carrier that no webhook had brought"
        await self._take_and_tell(text, "missed_text_fetched", what)

    async def _take_and_tell(self, text: IncomingText, logged: str, what: str) -> Outcome:
        """With a line of the log and of the journal that tell what is unusual about it, unless we had it already."""
        outcome = await self._take(text)
        if not outcome.duplicate:
            log.warning(logged, contact=outcome.reference)
            await self._dispatcher.submit(Recorded(what, "system", reference=outcome.reference))
        return outcome

    # --- what became of ours ---------------------------------------------------------------------------------

    async def status(self, request: web.Request) -> web.Response:
        """A carrier says what became of texts of ours."""
        carrier = self._carrier(request)
        try:
            reports = carrier.read_reports(await self._webhook(request), self._clock())
        except (NotGenuine, Malformed) as error:
            return await self._refusals.refuse(error, carrier.id, "report")
        answers = await asyncio.gather(*(self._report(report, carrier) for report in reports))
        return next((answer for answer in answers if answer is not None), web.Response(status=204))

    async def _report(self, report: StatusReport | Malformed, carrier: Carrier) -> web.Response | None:
        if isinstance(report, Malformed):
            return await self._refusals.refuse(report, carrier.id, "report")
        if not report.status:
            log.warning("status_not_understood", message=report.message_sid)
            return None
        try:
            message = await self._known_text(report.message_sid)
            if message is None or message.status in (report.status, *FINAL_STATUSES):
                return None
            which = await self._store.look(lambda looks: name_of(message, looks))
            told = (report.status, report.error_code, report.why, which)
            event = DeliveryReported(message.reference, message.id, *told)
            await self._dispatcher.submit(event, MessageStatus(message.id, report.status, problems=report.why))
        except (NotWritten, StoreError) as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        return None

    async def _known_text(self, sid: str) -> Message | None:
        """Our text with this id. A report can come before we have written down what the carrier called it."""
        for _ in range(REPORT_TRIES):
            message = await self._store.message_by(provider_id=sid)
            if message is not None:
                return message
            await asyncio.sleep(REPORT_PAUSE)
        log.warning("report_of_unknown_text")
        return None

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """A carrier fetches a picture that goes with a text of ours."""
        return await self._pictures.show(request)

    # --- webhooks --------------------------------------------------------------------------------------------

    def _carrier(self, request: web.Request) -> Carrier:
        carrier = self._carriers.get(request.match_info["carrier"])
        if carrier is None:
            raise web.HTTPNotFound
        return carrier

    async def _webhook(self, request: web.Request) -> Webhook:
        """With the address as the carrier knows it: what it signed, whatever proxies made of it."""
        url = f"{self._settings.http.public_url}{request.raw_path}"
        try:
            return Webhook(url, request.headers, await read_bytes(request, WEBHOOK_BYTES))
        except TooLarge as error:
            kilobytes = WEBHOOK_BYTES // 1000
            raise TooMuch(f"it is larger than {kilobytes:,} kB, so its proof was not looked at") from error

    # --- the order of a conversation -------------------------------------------------------------------------

    async def _order_all(self) -> None:
        """A conversation is shown in the order in which the person wrote; until the carrier has said, as it came."""
        while True:
            reference = await self._to_order.get()
            try:
                await self._order(reference)
            except (ChannelError, NotWritten, StoreError) as error:
                log.warning("order_not_known", contact=reference, why=str(error))

    async def _order(self, reference: str) -> None:
        for message in await self._store.messages(reference):
            if message.direction == "in" and message.channel == self.name and message.sent_at is None:
                carrier = self._carriers.get(came_by(message))
                at = await carrier.arrived_at(message.provider_id) if carrier else None
                if at is not None:
                    await self._dispatcher.submit(*_reached(message, at.timestamp()))


def _reached(message: Message, said: Time) -> tuple[Recorded, SentAt]:
    """What the carrier says of when it had a text; what cannot be changes no place."""
    if odd := impossible("was told by the carrier that it had had their text on", said, message.at):
        return Recorded(odd, "system", reference=message.reference), SentAt(message.id, message.at)
    what = (
        f"learned from the carrier that their text had reached it at {datetime.fromtimestamp(said, UTC):%H:%M:%S} UTC"
    )
    return Recorded(what, "system", reference=message.reference), SentAt(message.id, said)


def _another(text: IncomingText) -> IncomingText:
    """Under an identifier of its own, which is the same when it is brought again."""
    of_its_own = hashlib.sha256("\n".join(_content(text)).encode()).hexdigest()[:16]
    said = "the carrier has used this identifier before, for another text"
    problems = "; ".join(filter(None, (text.problems, said)))
    return replace(text, message_sid=f"{text.message_sid}~{of_its_own}", problems=problems)


def _content(text: IncomingText | Message) -> tuple[str, ...]:
    """Who wrote what; a carrier that brings it again may fold line ends and trailing blanks."""
    return text.sender, *text.body.split()


def _thanks(carrier: Carrier) -> web.Response:
    text, content_type = carrier.thanks()
    return web.Response(text=text, content_type=content_type)
