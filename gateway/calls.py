"""Calls and the board: what a call's story may ask, and how what it tells becomes an event."""

from __future__ import annotations

from channels.base import Unreachable
from channels.voice.flow import ContactView
from channels.voice.inbound import number_called
from channels.voice.reporting import Over
from config.menus import Destination
from config.settings import Settings
from gateway.dispatcher import Clock, Dispatcher, NotWritten, Refused
from gateway.store.records import CallRecord, Record, Recording
from routing.events import CallArrived, Event, RecordingMade
from routing.hours import destination
from routing.model import HandoverState


class CallDesk:
    def __init__(self, dispatcher: Dispatcher, clock: Clock, settings: Settings) -> None:
        self._dispatcher, self._clock, self._voice = dispatcher, clock, settings.voice
        self._calendars = {calendar.id: calendar for calendar in settings.calendars}

    # --- what a story asks -----------------------------------------------------------------------------

    def view(self, reference: str) -> ContactView | None:
        board = self._dispatcher.board
        contact = board.open_contact(reference)
        if contact is None:
            return None
        handover = contact.handover
        return ContactView(
            offers=tuple(offer for offer in contact.offers if offer.by_phone),
            handler=contact.assignment.handler if contact.assignment else "",
            handing_over=handover is not None and handover.state is HandoverState.CALLING,
            place=board.place(reference),
            party=contact.party.address,
            expected_wait=board.expected_wait(reference, self._clock()),
            waited=self._clock() - contact.queued_at if contact.queued_at else 0.0,
            guests=contact.guests,
            passed_to=contact.passed_to,
        )

    def extension(self, handler: str) -> str:
        known = self._dispatcher.board.handlers.get(handler)
        return known.extension if known else ""

    def handler_at(self, extension: str) -> str:
        handlers = self._dispatcher.board.handlers.values()
        return next((handler.id for handler in handlers if handler.extension == extension), "")

    def leads_to(self, called: str) -> Destination:
        """Where the callers of this number of ours are led now."""
        listed = number_called(called, self._voice)
        if listed is None:
            return Destination(queue=self._voice.default_queue)
        return destination(listed, self._calendars, self._clock())

    # --- what a story tells ----------------------------------------------------------------------------

    async def announce(self, event: CallArrived) -> str:
        """A new call; raises Unreachable when it cannot be written down, so that it goes elsewhere."""
        try:
            outcome = await self._dispatcher.submit(event, *self._records(event))
        except NotWritten as error:
            raise Unreachable(str(error)) from error
        return outcome.reference

    async def report(self, event: Event) -> str:
        """Waits out a database that is down. Raises Over when what the event speaks of is over."""
        try:
            outcome = await self._dispatcher.insist(event, *self._records(event))
        except Refused as refused:
            raise Over(str(refused)) from refused
        return outcome.reference

    def _records(self, event: Event) -> tuple[Record, ...]:
        match event:
            case CallArrived():
                return (CallRecord(event.call_id, event.reference, self._clock()),)
            case RecordingMade():
                return (Recording(event.path, event.reference, self._clock(), event.seconds, event.sha256),)
            case _:
                return ()
