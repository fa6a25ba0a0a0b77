"""Calls and the board: what a call's story may ask, and how what it tells becomes an event."""

from __future__ import annotations

from channels.base import Refused as NotPossible
from channels.base import Unreachable
from channels.voice.flow import ContactView
from channels.voice.inbound import number_called
from channels.voice.instructions import Target
from channels.voice.reporting import Over
from config.menus import Destination
from config.settings import Settings
from gateway.clock import Clock
from gateway.deciding import Refused
from gateway.dispatcher import Dispatcher, NotWritten, waited_out
from gateway.store.records import CallRecord, Record, Recording
from gateway.store.store import Store
from gateway.targets import keyed
from routing.events import CallArrived, Event, PartyRung, RecordingMade
from routing.hours import destination
from routing.model import HandoverState
from routing.objections import objection

DAY_SECONDS = 86_400


class CallDesk:
    def __init__(self, dispatcher: Dispatcher, store: Store, clock: Clock, settings: Settings) -> None:
        self._dispatcher, self._store, self._clock = dispatcher, store, clock
        self._settings, self._voice = settings, settings.voice
        self._keep_days = {queue.id: queue.recording_keep_days for queue in settings.queues}
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
            waited=self._clock() - contact.wait_began_at,
            guests=contact.guests,
            passed_to=contact.passed_to,
            recording_paused=contact.recording_paused,
            callback=contact.callback,
            handed_over=handover is not None and handover.state is HandoverState.JOINED,
            emergency=contact.emergency,
        )

    def extension(self, handler: str) -> str:
        known = self._dispatcher.board.handlers.get(handler)
        return known.extension if known else ""

    def answers_by_itself(self, handler: str) -> bool:
        known = self._dispatcher.board.handlers.get(handler)
        return bool(known and known.auto_answer)

    def pass_to(self, reference: str, handler: str, dialled: str, replaces: str) -> Target:
        """Whom the handler's phone asks to pass the caller to. Raises channels.base.Refused, as the desk would."""
        target = keyed(dialled, self._dispatcher.board, self._settings, replaces)
        rung = PartyRung(reference, f"handler:{handler}", "transfer", target.words, target.handler)
        if why := self.refusal(rung):
            raise NotPossible(why)
        return target

    def target_at(self, extension: str) -> Target:
        owner = self._dispatcher.board.with_extension(extension)
        uri = f"sip:{extension}@{self._settings.edge.domain}"
        return Target(owner.name, uri, owner.id) if owner else Target(f"extension {extension}", uri)

    def refusal(self, event: Event) -> str:
        return objection(event, self._dispatcher.board)

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
            outcome = await self._dispatcher.submit(event, *await self._records(event))
        except NotWritten as error:
            raise Unreachable(str(error)) from error
        return outcome.reference

    async def report(self, event: Event) -> str:
        """Waits out a database that is down. Raises Over when what the event speaks of is over."""
        try:
            outcome = await self._dispatcher.insist(event, *await self._records(event))
        except Refused as refused:
            raise Over(str(refused)) from refused
        return outcome.reference

    async def _records(self, event: Event) -> tuple[Record, ...]:
        match event:
            case CallArrived():
                return (CallRecord(event.call_id, event.reference, self._clock()),)
            case RecordingMade():
                return (await self._recording(event),)
            case _:
                return ()

    async def _recording(self, event: RecordingMade) -> Recording:
        """Its contact may be closed by now: the recording is finished after the call."""
        contact = self._dispatcher.board.open_contact(event.reference)
        if contact is None:
            contact = await waited_out(lambda: self._store.contact(event.reference))
        days = (self._keep_days.get(contact.queue) if contact else None) or self._voice.recording_keep_days
        now = self._clock()
        return Recording(event.path, event.reference, now, event.seconds, event.sha256, now + days * DAY_SECONDS)
