"""Texts and the board: webhooks become events, decided messages leave through the carrier.

A webhook is answered with 2xx only when its text is on disk. Pictures are fetched afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import structlog
from aiohttp import web

from channels.base import ChannelError, NotGenuine
from channels.text.carrier import Carrier, OutgoingText
from channels.text.consent import asked
from channels.text.inbound import IncomingText, Malformed, MediaItem, read_status, read_text
from config.numbers import person_of, same_person
from config.settings import Settings
from gateway.dispatcher import Clock, Dispatcher, NotWritten
from gateway.store.records import FINAL_STATUSES, Attachment, Message, MessageStatus, SentAt
from gateway.store.store import Store, StoreError
from routing.events import DeliveryReported, MessageArrived, Recorded
from routing.model import Channel, Party, Time, Wish
from routing.triage import Finding

log = structlog.get_logger()

PENDING = "pending:"
CHECK_SECONDS = 30.0
RETRY_SECONDS = 2.0
FETCH_TRIES = 5
REPORT_TRIES, REPORT_PAUSE = 40, 0.1
MOST_REFUSALS_A_MINUTE = 20
EMPTY_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


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
        judge: Callable[[str], Finding],
    ) -> None:
        self._settings, self._store, self._dispatcher, self._clock = settings, store, dispatcher, clock
        self._new_reference, self._new_id, self._judge = new_reference, new_id, judge
        self._numbers = {number.number: number for number in settings.text.numbers}
        self._carrier = Carrier(settings.text, f"{settings.http.public_url}/webhooks/twilio/status")
        self._to_fetch: asyncio.Queue[Attachment] = asyncio.Queue()
        self._to_order: asyncio.Queue[str] = asyncio.Queue()
        self._down = "not checked yet"
        self._refusals: list[Time] = []

    async def run(self) -> None:
        """Fetch attachments and watch the carrier until cancelled."""
        for attachment in await self._store.pending_attachments(PENDING):
            self._to_fetch.put_nowait(attachment)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._fetch_all(), name="text attachments")
                tasks.create_task(self._order_all(), name="text order")
                tasks.create_task(self._check_carrier(), name="text carrier check")
        finally:
            await self._carrier.close()

    def healthy(self) -> str:
        return self._down

    # --- in ------------------------------------------------------------------------------------------

    async def message(self, request: web.Request) -> web.Response:
        """The carrier brings a text."""
        form = await _form(request)
        try:
            text = read_text(self._url(request), form, _signature(request), self._settings.text)
        except (NotGenuine, Malformed) as error:
            return await self._refuse(error)
        try:
            earlier = await self._store.message_by(provider_key=f"text:{text.message_sid}")
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        if earlier and self._clock() - earlier.at > self._settings.text.replay_window_seconds:
            return await self._refuse(NotGenuine("a text that we have had for a long time was brought again"))
        return await self._take(text)

    async def status(self, request: web.Request) -> web.Response:
        """The carrier says what became of a text."""
        form = await _form(request)
        try:
            report = read_status(self._url(request), form, _signature(request), self._settings.text)
        except (NotGenuine, Malformed) as error:
            return await self._refuse(error)
        try:
            message = await self._known_text(report.message_sid)
            if message is None or message.status in (report.status, *FINAL_STATUSES):
                return web.Response(status=204)
            event = DeliveryReported(message.reference, message.id, report.status, report.error_code, report.why)
            await self._dispatcher.submit(event, MessageStatus(message.id, report.status, problems=report.why))
        except (NotWritten, StoreError) as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        return web.Response(status=204)

    async def _known_text(self, sid: str) -> Message | None:
        """Our text with this id. A report can come before we have written down what the carrier called it."""
        for _ in range(REPORT_TRIES):
            message = await self._store.message_by(provider_id=sid)
            if message is not None:
                return message
            await asyncio.sleep(REPORT_PAUSE)
        log.warning("report_of_unknown_text")
        return None

    async def _take(self, text: IncomingText) -> web.Response:
        message_id, thread = self._new_id(), f"text:{text.recipient}:{text.sender}"
        event = MessageArrived(
            reference=self._new_reference(),
            message=message_id,
            channel=Channel.TEXT,
            queue=self._numbers.get(person_of(text.recipient), self._settings.text.numbers[0]).queue,
            party=Party(text.sender),
            our_address=text.recipient,
            thread=thread,
            automatic=not text.can_reply,
            linked_to=await self._earlier(thread, text.sender),
            finding=self._judge(text.body),
            wish=self._wish(text),
        )
        problems = f"{text.media_missing} attachment(s) were announced but did not come" if text.media_missing else ""
        message = Message(
            id=message_id,
            reference="",
            channel="text",
            direction="in",
            sender=text.sender,
            recipient=text.recipient,
            body=text.body,
            at=self._clock(),
            by="caller",
            provider_key=f"text:{text.message_sid}",
            provider_id=text.message_sid,
            problems=problems,
        )
        attachments = [_pending(message_id, n, item) for n, item in enumerate(text.media)]
        try:
            outcome = await self._dispatcher.submit(event, message, *attachments)
        except NotWritten as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        if not outcome.duplicate:
            for attachment in attachments:
                self._to_fetch.put_nowait(attachment)
            if outcome.reference != event.reference:
                self._to_order.put_nowait(outcome.reference)
        log.info("text_taken", contact=outcome.reference, duplicate=outcome.duplicate, attachments=len(attachments))
        return web.Response(text=EMPTY_ANSWER, content_type="text/xml")

    def _wish(self, text: IncomingText) -> Wish:
        """STOP and START, where the number obeys them; elsewhere they are words like any others."""
        ours = self._numbers.get(person_of(text.recipient))
        return asked(text.body) if ours is not None and ours.opt_out == "obey" else ""

    async def _earlier(self, thread: str, sender: str) -> str:
        """The latest contact of the same person, for a text that opens a new one."""
        if self._dispatcher.board.in_thread(thread) is not None:
            return ""
        try:
            persons = same_person(sender)
            earlier = await self._store.contacts(persons=persons, limit=1) if persons else []
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        return earlier[0].reference if earlier else ""

    async def _refuse(self, error: ChannelError) -> web.Response:
        """403, journalled; a flood of forgeries is logged but must not fill the journal."""
        now = self._clock()
        self._refusals = [at for at in self._refusals if now - at < 60]
        log.warning("webhook_refused", why=str(error), last_minute=len(self._refusals))
        if len(self._refusals) < MOST_REFUSALS_A_MINUTE:
            self._refusals.append(now)
            try:
                await self._dispatcher.submit(Recorded("webhook refused", "outside", str(error)))
            except NotWritten as down:
                log.error("refusal_not_journalled", why=str(down))
        return web.Response(status=400 if isinstance(error, Malformed) else 403, text="refused")

    def _url(self, request: web.Request) -> str:
        """The address as the carrier knows it: what it signed, whatever proxies made of it."""
        return f"{self._settings.http.public_url}{request.raw_path}"

    # --- out: what the outbox asks -------------------------------------------------------------------

    async def send(self, message: Message) -> str:
        sent = await self._carrier.send(_outgoing(message))
        return sent.sid

    async def find_sent(self, message: Message, since: Time) -> str | None:
        confirmed = await self._store.sent_to(message.recipient)
        found = await self._carrier.find_sent(_outgoing(message), datetime.fromtimestamp(since, UTC), besides=confirmed)
        return found.sid if found else None

    # --- attachments and health ----------------------------------------------------------------------

    async def _fetch_all(self) -> None:
        while True:
            attachment = await self._to_fetch.get()
            try:
                await self._fetch(attachment)
            except (NotWritten, StoreError) as error:
                log.warning("attachment_not_written", attachment=attachment.id, why=str(error))
                self._to_fetch.put_nowait(attachment)
                await asyncio.sleep(RETRY_SECONDS)

    async def _fetch(self, attachment: Attachment) -> None:
        item = MediaItem(attachment.path.removeprefix(PENDING), attachment.content_type)
        kept = replace(attachment, **await self._fetched(item))
        message = await self._store.message(attachment.message)
        what = f"attachment {kept.id}: {'stored' if kept.path else kept.filename}"
        await self._dispatcher.submit(Recorded(what, "system", reference=message.reference if message else ""), kept)

    async def _fetched(self, item: MediaItem) -> dict[str, Any]:
        """What changes in the attachment: where it lies, or why it could not be had."""
        error: Exception = LookupError("never tried")
        for attempt in range(FETCH_TRIES):
            try:
                file = await self._carrier.fetch_media(item)
            except (ChannelError, OSError) as failed:
                error = failed
                if not getattr(failed, "retry", True):
                    break
                await asyncio.sleep(RETRY_SECONDS * 2**attempt)
            else:
                kept = {"path": str(file.path), "size": file.size, "sha256": file.sha256}
                return {**kept, "content_type": file.content_type}
        return {"path": "", "filename": f"not fetched: {error}"}

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
                at = await self._carrier.arrived_at(message.provider_id)
                if at is not None:
                    what = f"a text reached the carrier at {at:%H:%M:%S}"
                    sent = SentAt(message.id, at.timestamp())
                    await self._dispatcher.submit(Recorded(what, "system", reference=reference), sent)

    async def _check_carrier(self) -> None:
        while True:
            try:
                await self._carrier.check()
            except ChannelError as error:
                self._down = f"the text carrier does not answer: {error}"
                log.warning("carrier_down", why=str(error))
            else:
                self._down = ""
            await asyncio.sleep(CHECK_SECONDS if not self._down else RETRY_SECONDS)


async def _form(request: web.Request) -> Mapping[str, str]:
    try:
        return cast(Mapping[str, str], await request.post())
    except (UnicodeDecodeError, ValueError) as error:
        raise web.HTTPBadRequest(text="the form could not be read") from error


def _signature(request: web.Request) -> str:
    return request.headers.get("X-Twilio-Signature", "")


def _outgoing(message: Message) -> OutgoingText:
    return OutgoingText(message.sender, message.recipient, message.body)


def _pending(message: str, number: int, item: MediaItem) -> Attachment:
    """Noted with the message, in the same transaction; a restart fetches what is still pending."""
    return Attachment(
        f"{message}-{number}", message, f"picture {number + 1}", item.content_type, 0, "", PENDING + item.url
    )
