"""The voice channel: every call's story, found by its contact's reference, and the pool they run on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from channels.base import ChannelError, Refused
from channels.voice import inbound, outbound
from channels.voice import instructions as tell_to
from channels.voice.archive import Archive
from channels.voice.call import Call, NoSlot, VoiceError
from channels.voice.edge import EdgeControl, dead_trunks, no_trunk
from channels.voice.flow import Desk, Story
from channels.voice.messages import End
from channels.voice.objections import objection
from channels.voice.pool import CallPool, PoolStats
from channels.voice.relay import RelayWatch
from channels.voice.reporting import Over, Report
from channels.voice.sounds import Sounds
from config.numbers import as_dialled
from config.settings import Settings
from routing import commands as do
from routing import events as ev

log = structlog.get_logger()

Announce = Callable[[ev.CallArrived], Awaitable[str]]

# Nobody hears it ring for longer because the database is slow.
WRITTEN_SECONDS = 4.0
# The edge tries another slot after any 5xx; this sends the caller to the overflow target at once.
NO_OTHER_SLOT = 410


class VoiceChannel:
    """``announce`` brings in a new call and raises when it cannot be written down; ``report`` waits that out."""

    name = "voice"

    def __init__(
        self,
        settings: Settings,
        run_dir: Path,
        desk: Desk,
        announce: Announce,
        report: Report,
        new_reference: Callable[[], str],
    ) -> None:
        self._settings, self._desk = settings, desk
        self._announce, self._report, self._new_reference = announce, report, new_reference
        self._stories: dict[str, Story] = {}
        self._placing: set[str] = set()
        self._arriving: set[str] = set()
        self._tasks = asyncio.TaskGroup()
        self._archive = Archive(settings.voice, report)
        self._edge = EdgeControl(settings.edge, settings.voice.address)
        self._relay = RelayWatch(settings.edge)
        self._pool = CallPool(
            settings.voice,
            self._edge,
            run_dir,
            self._on_call,
            self._on_resumed,
            outbound_proxy=f"sip:{settings.edge.address}:{settings.edge.port};lr",
        )

    async def run(self) -> None:
        """Take calls until cancelled; the calls themselves go on."""
        async with self._tasks:
            self._tasks.create_task(self._pool.run(), name="call pool")
            self._tasks.create_task(self._archive.run(), name="recordings")
            self._tasks.create_task(self._edge.watch(self._pool.reopen), name="edge watch")
            self._tasks.create_task(self._relay.run(), name="relay watch")

    def healthy(self) -> str:
        missing = Sounds(self._settings.voice).missing()
        prompts = (
            f"callers hear nothing: {', '.join(missing)} not found; run contact-gateway prompts" if missing else ""
        )
        ways_in = (self._edge.down, no_trunk(self._edge.trunks), self._relay.down)
        return "; ".join(filter(None, (*ways_in, self._pool.healthy(), prompts, self._archive.trouble)))

    def warning(self) -> str:
        """What is wrong and made up for by something else."""
        return dead_trunks(self._edge.trunks)

    def stats(self) -> PoolStats:
        return self._pool.stats()

    async def drain(self) -> None:
        """No new calls until ``refill``: for a deployment, or a machine that is to be switched off."""
        await self._pool.drain()

    def refill(self) -> None:
        """New calls again, by fresh call processes."""
        self._pool.refill()

    @property
    def draining(self) -> bool:
        return self._pool.draining

    async def adopted(self) -> None:
        """Returns when the calls that outlived the last gateway are back."""
        await self._pool.adopted()

    def has(self, reference: str) -> bool:
        """Whether this contact has a call under way."""
        return reference in self._stories or reference in self._placing

    def arriving(self, call_id: str) -> bool:
        """Whether this call is being written down: the board can know it before its story has begun."""
        return call_id in self._arriving

    # --- what the gateway wants --------------------------------------------------------------------------

    def perform(self, command: do.Command) -> None:
        """Carry out what concerns calls. Never blocks."""
        match command:
            case do.MakeOffer(offer=offer) if offer.by_phone:
                self._instruct(offer.reference, tell_to.Ring(offer, self._desk.extension(offer.handler)))
            case do.EndOffer():
                self._instruct(command.reference, tell_to.StopRinging(command.offer))
            case do.CallControlRoom():
                self._instruct(command.reference, tell_to.GetControlRoom(command.after))
            case do.LeadOn() if command.kind != "queue":
                self._instruct(command.reference, tell_to.LeadOn(command.kind, command.target))
            case do.PlaceFollowUpCall():
                self._tasks.create_task(self._follow_up(command), name=f"follow-up {command.follow_up}")
            case _:
                return

    async def ask(self, reference: str, wish: tell_to.Instruction, *, handler: str = "") -> None:
        """Have something done to the contact's call; ``handler`` must be on it, '' asks as a supervisor.

        Raises Refused, in words for a person.
        """
        self._possible(reference, wish, handler).inbox.put_nowait(wish)

    def check(self, reference: str, wish: tell_to.Instruction, *, handler: str = "") -> None:
        """Raises Refused when ``ask`` would."""
        self._possible(reference, wish, handler)

    def _possible(self, reference: str, wish: tell_to.Instruction, handler: str) -> Story:
        story = self._stories.get(reference)
        if story is None:
            raise Refused(f"{reference} has no call.")
        if handler and story.scene.handler != handler:
            raise Refused(f"You are not on the call of {reference}.")
        if why := objection(story, wish):
            raise Refused(why)
        return story

    def _instruct(self, reference: str, instruction: tell_to.Instruction) -> None:
        story = self._stories.get(reference)
        if story is not None:
            story.inbox.put_nowait(instruction)

    # --- calls -------------------------------------------------------------------------------------------

    async def _on_call(self, call: Call) -> None:
        arrived = call.arrived
        if arrived is None:
            raise ValueError("a new caller without an INVITE")
        called = inbound.called_number(arrived)
        event = ev.CallArrived(
            reference=self._new_reference(),
            call_id=arrived.sip_call_id,
            queue=inbound.queue_of(called, self._settings.voice),
            party=inbound.party_of(arrived),
            our_address=called,
            headers=inbound.kept_headers(arrived),
        )
        self._arriving.add(event.call_id)
        try:
            async with asyncio.timeout(WRITTEN_SECONDS):
                reference = await self._announce(event)
        except TimeoutError:
            log.error("call_not_written", why=f"the database has not written it for {WRITTEN_SECONDS:.0f} s")
            await self._refuse(call, NO_OTHER_SLOT)
            return
        except ChannelError as error:
            log.error("call_not_written", why=str(error))
            await self._refuse(call)
            return
        finally:
            self._arriving.discard(event.call_id)
        leads_to = self._desk.leads_to(called)
        story = Story(call, reference, self._settings, self._desk, self._report)
        await self._tell(story, lambda s: s.inbound(leads_to))

    async def _refuse(self, call: Call, code: int = 503) -> None:
        """The edge tries the next slot, and in the end the overflow target."""
        try:
            await call.do(End(code))
        except VoiceError as error:
            log.warning("refused_call_gone", why=str(error))

    async def _on_resumed(self, call: Call) -> None:
        reference = call.snapshot.story.get("reference", "")
        if self._desk.view(reference) is None:
            if call.arrived is not None:
                await self._on_call(call)
            else:
                await self._refuse(call)
            return
        await self._tell(Story(call, reference, self._settings, self._desk, self._report), Story.resumed)

    async def _tell(self, story: Story, chapter: Callable[[Story], Awaitable[None]]) -> None:
        self._stories[story.reference] = story
        try:
            with structlog.contextvars.bound_contextvars(contact=story.reference):
                await chapter(story)
        finally:
            # A caller who was cut off may be on the line again while their last call is still being closed.
            if self._stories.get(story.reference) is story:
                del self._stories[story.reference]
            self._archive.look()

    # --- follow-ups --------------------------------------------------------------------------------------

    async def _follow_up(self, command: do.PlaceFollowUpCall) -> None:
        """One attempt. Whatever goes wrong is reported, so that the handler is free again."""
        self._placing.add(command.reference)
        try:
            outcome = await self._place(command)
            if outcome != "answered":
                await self._report(ev.FollowUpTried(command.reference, command.follow_up, outcome))
        except Over as over:
            log.info("follow_up_over", contact=command.reference, why=str(over))
        except Exception:
            # One broken call must not end the channel; the reconciler gives its contact back to the handlers.
            log.exception("follow_up_broke", contact=command.reference)
        finally:
            self._placing.discard(command.reference)

    async def _place(self, command: do.PlaceFollowUpCall) -> outbound.Outcome:
        extension = self._desk.extension(command.handler)
        job = outbound.Job(
            command.reference,
            command.follow_up,
            command.handler,
            extension,
            as_dialled(command.address, self._settings.routing.short_codes),
            command.withheld,
        )
        try:
            call = await self._pool.outbound()
        except NoSlot:
            log.error("no_slot_for_follow_up", contact=command.reference)
            return "handler_unreachable"
        outcome = await outbound.place(call, job, self._settings)
        if outcome != "answered":
            await self._refuse(call)
            return outcome
        try:
            await self._report(ev.FollowUpAnswered(command.reference, command.follow_up))
        except Over:
            await self._refuse(call)
            raise
        story = Story(call, command.reference, self._settings, self._desk, self._report)
        await self._tell(story, lambda s: s.outbound(command.handler))
        return outcome
