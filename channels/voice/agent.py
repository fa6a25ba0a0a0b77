"""The call process's one loop: the gateway's commands in, the call's events out, and the plan for being alone."""

from __future__ import annotations

import os
import time

import pjsua2 as pj
import structlog
from pydantic import ValidationError

from channels.voice import messages, sip
from channels.voice.control import CallControl, Refusal
from channels.voice.engine import Engine
from channels.voice.fallback import HUMANS, UNAVAILABLE, Fallback
from channels.voice.hearing import Ear, SilenceWatch
from channels.voice.legs import Bug, DigitSeen, Finished, Incoming, Leg, Note, StateSeen, TransferSeen
from channels.voice.link import Link
from channels.voice.message_recorder import MessageRecorder
from channels.voice.messages import ENVELOPE, EVENT, Command, Event, LegName
from channels.voice.mixer import Mixer
from channels.voice.slot import OwnSlotFile, Slot, socket_path
from channels.voice.timers import Timers

log = structlog.get_logger()

# Whoever has something for the loop wakes it; this is for a wake-up that was lost.
FORBIDDEN = 403
LOOP_SECONDS = 1.0
HOUSEKEEPING_SECONDS = 0.5
# So many turns without a word of the gateway: it hangs. They are counted, for a machine that stands still for a
# moment stops both of us.
MOST_MISSED = 8
# Without a call there is only to see whether a gateway is there; the next one gives it two seconds.
IDLE_HOUSEKEEPING_SECONDS = 1.0
ORPHAN_SECONDS = 10.0
# So long a call that is over waits to be ended, by this gateway or the next one.
AWAIT_END_SECONDS = 120.0
# BYE and CANCEL are repeated, and a 200 that crosses our CANCEL is hung up, only while we live.
LINGER_SECONDS = 1.0
CLOSING_CHECK_SECONDS = 0.05
LONGEST_LINGER_SECONDS = 10.0
MOST_LOGGED_BUGS = 100
SUPERVISOR: LegName = "supervisor"


class CallAgent:
    """One call, from an idle slot to the end. ``terminated`` may be set by a signal handler: ends the call."""

    def __init__(self, slot: Slot) -> None:
        self.terminated = False
        self._slot = slot
        self._slot_file = OwnSlotFile(slot.file)
        self._timers = Timers()
        self._engine = Engine(slot)
        self._control = CallControl(self._engine, self._timers, slot.media_lost, self._tell, self._on_leg_changed)
        self._mixer = Mixer(self._engine, self._timers, self._control.legs, self._on_went_on)
        ear = Ear(self._engine, self._mixer, self._control.legs)
        self._watch = SilenceWatch(ear, self._timers, self._tell)
        self._message = MessageRecorder(self._engine, self._timers, self._mixer, ear, self._on_recorded, self._tell)
        self._link = Link(socket_path(slot.run_dir))
        self._fallback = Fallback(self._control, self._mixer, slot.start_deadline, self._tell, self._end)
        self._linked = False
        self._missed: int | None = None  # None: this gateway has not said yet that it will be missed
        self._begun = False
        self._arrived: messages.Arrived | None = None
        self._story: dict[str, str] = {}
        self._recorded: tuple[messages.Recorded, ...] = ()
        self._ending = False
        self._leave_by = 0.0
        self._done = False
        self._bugs = 0

    def run(self) -> int:
        """Until the call is over; returns the exit code."""
        self._slot_file.write(self._to_release())
        self._keep_house_from_now_on()
        while not self._done:
            try:
                self._turn()
            except Exception:  # noqa: BLE001 -- see _note_bug
                self._note_bug()
        return 0

    def _turn(self) -> None:
        notes = self._engine.notes
        self._engine.pump(0.0 if notes else self._timers.wait(LOOP_SECONDS))
        self._mixer.refresh()
        self._control.check_holds()
        while notes:
            self._on_note(notes.popleft())
        self._timers.run_due()
        for payload in self._link.receive():
            self._on_payload(payload)
        self._link.flush()
        if self._linked and not self._link.connected:
            self._on_link_lost()
        if self.terminated and not self._ending:
            self._end(UNAVAILABLE)

    def _note_bug(self) -> None:
        """A mistake of ours must not drop the caller, nor fill the disk."""
        self._bugs += 1
        if self._bugs <= MOST_LOGGED_BUGS:
            log.exception("call_process_bug")

    # --- the gateway ---

    def _keep_house_from_now_on(self) -> None:
        idle = self._arrived is None and not self._begun
        self._timers.after(IDLE_HOUSEKEEPING_SECONDS if idle else HOUSEKEEPING_SECONDS, self._keep_house_from_now_on)
        self._miss_the_gateway()
        self._keep_house()

    def _keep_house(self) -> None:
        self._stay_linked()
        self._control.check_media()
        if self._begun and not self._ending:
            self._fallback.check()

    def _miss_the_gateway(self) -> None:
        if self._missed is not None and self._begun:
            self._missed += 1
            if self._missed > MOST_MISSED:
                self._link.drop("the gateway hangs")
                self._on_link_lost()

    def _stay_linked(self) -> None:
        if self._linked:
            return
        self._linked = self._link.connect(EVENT.dump_json(self._snapshot()))
        if not self._linked and not self._begun and self._fallback.alone_for() > ORPHAN_SECONDS:
            self._end(UNAVAILABLE)

    def _on_link_lost(self) -> None:
        self._linked, self._missed = False, None
        self._lose_charge()

    def _lose_charge(self, *, at_once: bool = False) -> None:
        self._fallback.lose_charge(at_once=at_once)
        nobody_knows = self._arrived is not None and not self._begun
        never_dialled = self._begun and "caller" not in self._control.legs
        if nobody_knows or never_dialled:
            self._end(UNAVAILABLE)
        elif self._begun and not self._control.alive("caller"):
            self._on_caller_gone()

    def _tell(self, event: Event) -> None:
        if isinstance(event, messages.LegChanged):
            self._slot_file.write(self._to_release())  # first, so that it is released if we die now
        self._link.send(EVENT.dump_json(event), keep=isinstance(event, messages.KEPT))

    def _on_payload(self, payload: bytes) -> None:
        try:
            envelope = ENVELOPE.validate_json(payload)
        except ValidationError as error:
            log.error("command_not_understood", errors=error.error_count())
            return
        if isinstance(envelope.command, messages.Present):
            self._missed = 0
            return
        why = ""
        try:
            self._obey(envelope.command)
        except Refusal as refusal:
            why = str(refusal)
        except pj.Error as error:
            why = str(error.reason)
        except Exception as error:  # noqa: BLE001 -- see _note_bug
            self._note_bug()
            why = repr(error)
        if envelope.number != messages.POSTED:
            self._tell(messages.Ack(envelope.number, ok=not why, why=why))
        elif why:
            log.warning("posted_command_refused", command=envelope.command.type, why=why)

    def _obey(self, command: Command) -> None:
        if self._ending and not isinstance(command, messages.End):
            raise Refusal("the call has ended")
        if not self._begun and not isinstance(command, messages.Begin | messages.End):
            raise Refusal("the call has not begun")
        match command:
            case messages.Begin():
                if self._begun:  # a gateway that hung has had our greeting for as long
                    self._tell(self._snapshot())
                self._begun = True
                self._fallback.take_charge()
            case messages.Answer():
                self._control.answer()
            case messages.Dial():
                self._control.dial(command)
            case messages.Drop(leg="caller"):
                raise Refusal("the caller is dropped only by the end of the call")
            case messages.Drop(leg=leg):
                self._control.drop(leg)
            case messages.Rename(old=old, new=new):
                self._control.rename(old, new)
                self._mixer.leg_renamed(old, new)
            case messages.SendDigits(leg=leg, digits=digits):
                self._control.send_digits(leg, digits)
            case messages.TellTransfer():
                self._control.tell_transfer(command)
            case messages.RecordMessage():
                self._message.begin(command)
            case messages.StopMessage():
                self._message.stop()
            case messages.WatchSilence(seconds=seconds):
                self._watch.begin(seconds)
            case messages.Remember(story=story):
                self._story = story
            case messages.Plan():
                self._fallback.follow(command)
            case messages.FallBack():
                self._lose_charge(at_once=True)
            case messages.End(code=code):
                self._end(code)
            case _:
                self._mix(command)

    def _mix(self, command: Command) -> None:
        match command:
            case messages.Play():
                self._mixer.play(command)
            case messages.StopPlaying(name=name):
                self._mixer.stop(name)
            case messages.Bridge(pairs=pairs):
                self._mixer.bridge(pairs)
            case messages.Record(stem=stem):
                self._mixer.record(stem)
            case messages.PauseRecording(longest=longest):
                self._mixer.pause_recording(longest)
            case messages.ResumeRecording():
                self._mixer.resume_recording()
            case messages.StopRecording():
                self._mixer.stop_recording()

    def _snapshot(self) -> messages.Snapshot:
        return messages.Snapshot(
            slot=self._slot.number,
            pid=os.getpid(),
            port=self._slot.sip_port,
            begun=self._begun,
            arrived=self._arrived,
            legs=self._legs(),
            bridged=self._mixer.bridged,
            playing=self._mixer.playing,
            recording=self._mixer.recording,
            recording_paused=self._mixer.recording_paused,
            message=self._message.path,
            recorded=self._recorded,
            story=self._story,
        )

    def _to_release(self) -> tuple[messages.Leg, ...]:
        """The legs whose peers wait for us if we die; a caller who still rings is taken on by the edge itself."""
        legs = self._control.legs.values()
        ours = (leg for leg in legs if leg.state == "answered" or (leg.state == "ringing" and not leg.incoming))
        return tuple(leg.describe() for leg in ours)

    def _legs(self) -> tuple[messages.Leg, ...]:
        return tuple(leg.describe() for leg in self._control.legs.values())

    # --- the call ---

    def _on_note(self, note: Note) -> None:
        match note:
            case Incoming():
                self._on_incoming(note)
            case StateSeen():
                self._control.on_state(note)
            case DigitSeen(leg=leg, digit=digit):
                if leg.alive:
                    leg.after_digit()
                    self._tell(messages.Digit(leg.name, digit))
                    self._pressed(leg.name, digit)
            case TransferSeen():
                self._on_transfer_asked(note)
            case Finished(player=player):
                if name := self._mixer.file_played(player):
                    self._tell(messages.Played(name))
            case Bug(error=error):
                log.error("callback_failed", error=error)

    def _on_transfer_asked(self, note: TransferSeen) -> None:
        if not note.leg.alive:
            return
        if self._link.heard and self._begun:
            self._tell(self._control.transfer_asked(note))
        else:
            note.leg.tell_transfer(UNAVAILABLE, "No gateway is there to decide", final=True)

    def _pressed(self, name: LegName, digit: str) -> None:
        if name == "caller":
            self._fallback.pressed(digit)
            self._timers.after(0.0, self._keep_house)  # after a look at whether the gateway is still there

    def _on_incoming(self, note: Incoming) -> None:
        if note.source != self._slot.edge:
            log.warning("call_past_the_edge", source=note.source)
            note.leg.respond(FORBIDDEN)
            return
        taken = self._begun or self._arrived is not None or self._ending
        if taken or not self._link.connected:
            note.leg.respond(UNAVAILABLE)
            return
        self._arrived = sip.arrived(note.message, note.source)
        self._control.ring(note)
        self._tell(self._arrived)
        self._timers.after(self._slot.start_deadline, self._on_begin_overdue)

    def _on_begin_overdue(self) -> None:
        if not self._begun:
            self._end(UNAVAILABLE)  # the edge tries the next slot

    def _on_leg_changed(self, name: LegName, leg: Leg) -> None:
        if not leg.alive:
            self._mixer.leg_ended(name)
            if name == "caller":
                self._message.stop()
                self._on_caller_gone()
        elif leg.state == "answered" and name in HUMANS and not self._fallback.in_charge:
            self._fallback.join(name)

    def _on_caller_gone(self) -> None:
        story_failed = self._link.heard and not self._fallback.in_charge
        if not self._begun or story_failed:
            self._end(UNAVAILABLE)
            return
        if not self._fallback.in_charge:
            self._let_the_others_go()
        self._timers.after(AWAIT_END_SECONDS, self._end_without_caller)

    def _let_the_others_go(self) -> None:
        """The call is over and nobody is in charge; the next gateway is still told how it ended."""
        for name in (*HUMANS, SUPERVISOR):
            if self._control.alive(name):
                self._control.drop(name)
        self._mixer.stop_recording()

    def _end_without_caller(self) -> None:
        if not self._control.alive("caller"):
            self._end(UNAVAILABLE)

    def _on_went_on(self) -> None:
        self._tell(messages.RecordingWentOn())

    def _on_recorded(self, recorded: messages.Recorded) -> None:
        self._recorded += (recorded,)
        self._tell(recorded)

    # --- the end ---

    def _end(self, code: int) -> None:
        if self._ending:
            return
        self._ending = True
        self._leave_by = time.monotonic() + LONGEST_LINGER_SECONDS
        # First of all, so that the process ends whatever else fails.
        self._timers.after(LINGER_SECONDS if self._control.legs else 0.0, self._leave)
        try:
            self._message.stop()
            self._mixer.stop_recording()
        finally:
            self._control.end(code)
            self._fall_silent()

    def _fall_silent(self) -> None:
        """Nobody hears us any more, and what is recorded is closed within some ticks of the media stack."""
        if self._closing:
            self._timers.after(CLOSING_CHECK_SECONDS, self._fall_silent)
        else:
            self._engine.stop_media()

    @property
    def _closing(self) -> bool:
        return self._mixer.closing or self._message.closing

    def _leave(self) -> None:
        if self._closing and time.monotonic() < self._leave_by:
            self._timers.after(CLOSING_CHECK_SECONDS, self._leave)
        else:
            self._done = True
