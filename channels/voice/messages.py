"""What a call process is told (commands) and what it tells (events).

On the wire: a 4-byte big-endian length, then one JSON object. Each command travels in an ``Envelope`` with a
number; the process answers every one with ``Ack``. A leg's name says whose it is; ``third`` is a colleague, an
interpreter or whoever the caller is passed to. In a call that we began ourselves ``caller`` is the person we are
calling. At most four legs live at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

LegName = Literal["caller", "handler", "third", "control_room", "supervisor"]
LegState = Literal["dialling", "ringing", "answered", "failed", "ended"]
# (speaker, listener)
Pair = tuple[LegName, LegName]


def mesh(*legs: LegName) -> tuple[Pair, ...]:
    """Everybody hears everybody else."""
    return tuple((speaker, listener) for speaker in legs for listener in legs if speaker != listener)


# --- commands: gateway to call process ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """Take charge: the gateway has this call. Must come within the start deadline of ``Arrived``."""

    type: Literal["begin"] = "begin"


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the caller with 200 OK."""

    type: Literal["answer"] = "answer"


@dataclass(frozen=True, slots=True)
class Play:
    """Play WAV files one after the other to the named legs, in a loop or once.

    A player of the same ``name`` is replaced in the same audio tick; a loop of the same files goes on where it is,
    and only ``to`` changes. Towards a leg that is being played something that ends, a loop pauses and then goes on.
    ``Played`` tells when it has finished (never for a loop). Legs that come later are not added by themselves.
    """

    name: str
    files: tuple[str, ...]
    to: tuple[LegName, ...] = ("caller",)
    loop: bool = False
    type: Literal["play"] = "play"


@dataclass(frozen=True, slots=True)
class StopPlaying:
    name: str
    type: Literal["stop_playing"] = "stop_playing"


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring a new leg; it is given up after ``ring_seconds`` as failed with code 408.

    ``from_uri`` is what the other side sees, for example ``"Anna" <sip:101@gateway.example>``. ``helps``: they help
    the others to talk, as an interpreter does: a caller who is left with them alone is alone.
    """

    leg: LegName
    uri: str
    ring_seconds: float
    from_uri: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    helps: bool = False
    type: Literal["dial"] = "dial"


@dataclass(frozen=True, slots=True)
class Drop:
    """Hang up one leg, ringing or talking. ``caller`` is dropped only by ``End``."""

    leg: LegName
    type: Literal["drop"] = "drop"


@dataclass(frozen=True, slots=True)
class Bridge:
    """Who hears whom, exactly; a leg that is no listener hears only what is played to it."""

    pairs: tuple[Pair, ...]
    type: Literal["bridge"] = "bridge"


@dataclass(frozen=True, slots=True)
class Rename:
    """A leg takes the part of one that is over: whoever the caller was passed to is the handler from now on.

    What it hears and who hears it stays."""

    old: LegName
    new: LegName
    type: Literal["rename"] = "rename"


@dataclass(frozen=True, slots=True)
class SendDigits:
    leg: LegName
    digits: str
    type: Literal["send_digits"] = "send_digits"


@dataclass(frozen=True, slots=True)
class TellTransfer:
    """How the transfer goes that this leg's phone asked for: a SIP status, and why. ``final``: no more will follow."""

    leg: LegName
    code: int
    reason: str
    final: bool = True
    type: Literal["tell_transfer"] = "tell_transfer"


@dataclass(frozen=True, slots=True)
class Record:
    """Record until ``StopRecording`` or the end of the call, into two files beside each other, ``stem`` and what
    ``recordings.Raw`` puts behind it: what the caller says; and what the police side says, with what is played
    to the caller once. Loops (music) are in neither. A supervisor is in it only while the caller hears them."""

    stem: str
    type: Literal["record"] = "record"


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """Record silence instead, until ``ResumeRecording`` or for ``longest`` seconds; then ``RecordingWentOn``."""

    longest: float
    type: Literal["pause_recording"] = "pause_recording"


@dataclass(frozen=True, slots=True)
class ResumeRecording:
    type: Literal["resume_recording"] = "resume_recording"


@dataclass(frozen=True, slots=True)
class StopRecording:
    type: Literal["stop_recording"] = "stop_recording"


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """Record what the caller alone says into a new WAV file, until ``StopMessage``, ``silence_seconds`` without a
    sound, ``longest_seconds`` in all, or the end of the call. ``Recorded`` tells that it is closed."""

    path: str
    silence_seconds: float
    longest_seconds: float
    type: Literal["record_message"] = "record_message"


@dataclass(frozen=True, slots=True)
class StopMessage:
    type: Literal["stop_message"] = "stop_message"


@dataclass(frozen=True, slots=True)
class WatchSilence:
    """Tell ``Silent`` if nothing is heard of the caller for so long from now, and ``Heard`` when they are after that.
    A watch that is on goes on."""

    seconds: float
    type: Literal["watch_silence"] = "watch_silence"


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep the story's place; it comes back in the ``Snapshot`` when a new gateway takes over."""

    story: dict[str, str]
    type: Literal["remember"] = "remember"


@dataclass(frozen=True, slots=True)
class FallbackTarget:
    uri: str
    ring_seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do alone when no gateway has been there for ``after_seconds``: dial these, in order, again and
    again, as leg ``control_room``, and join it with the caller. Not carried out while somebody talks with the caller.

    When the caller presses ``emergency`` and no gateway is there, it is carried out at once, whoever talks."""

    after_seconds: float
    targets: tuple[FallbackTarget, ...]
    from_uri: str = ""
    emergency: str = ""
    type: Literal["plan"] = "plan"


@dataclass(frozen=True, slots=True)
class FallBack:
    """Nobody is in charge any more: carry the plan out now. ``Begin`` takes charge again."""

    type: Literal["fall_back"] = "fall_back"


@dataclass(frozen=True, slots=True)
class Present:
    """The gateway is there: said every second. When it says so no more, it hangs, and counts as gone."""

    type: Literal["present"] = "present"


@dataclass(frozen=True, slots=True)
class End:
    """Hang up every leg and exit. Before ``Answer`` the caller is refused with ``code`` instead."""

    code: int = 503
    type: Literal["end"] = "end"


Command = (
    Begin
    | Answer
    | Play
    | StopPlaying
    | Dial
    | Drop
    | Bridge
    | Rename
    | SendDigits
    | TellTransfer
    | Record
    | PauseRecording
    | ResumeRecording
    | StopRecording
    | RecordMessage
    | StopMessage
    | WatchSilence
    | Remember
    | Plan
    | FallBack
    | Present
    | End
)


POSTED = 0


@dataclass(frozen=True, slots=True)
class Envelope:
    """``number``: the ``Ack`` tells it; of a command that is ``POSTED`` nothing is told."""

    number: int
    command: Annotated[Command, Field(discriminator="type")]


# --- events: call process to gateway -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arrived:
    """A caller's INVITE, already answered with 180. ``headers``: lower-case names, in order, as received."""

    sip_call_id: str
    from_uri: str
    from_name: str
    to_uri: str
    request_uri: str
    source: str
    headers: tuple[tuple[str, str], ...] = ()
    type: Literal["arrived"] = "arrived"


@dataclass(frozen=True, slots=True)
class Digit:
    leg: LegName
    digit: str
    type: Literal["digit"] = "digit"


@dataclass(frozen=True, slots=True)
class Played:
    name: str
    type: Literal["played"] = "played"


@dataclass(frozen=True, slots=True)
class LegChanged:
    """A leg's new state. ``failed``: never answered; ``code`` is the SIP status. ``ended``: was answered.

    ``call_id``, ``local_tag`` and ``remote_tag`` name the SIP dialog, so that the edge can release the peer
    when this process dies.
    """

    leg: LegName
    state: LegState
    code: int = 0
    reason: str = ""
    call_id: str = ""
    local_tag: str = ""
    remote_tag: str = ""
    type: Literal["leg"] = "leg"


@dataclass(frozen=True, slots=True)
class TransferAsked:
    """The handler's phone asks to pass the caller on; the edge has said 202, nothing else has happened.

    ``target``: the extension or number that was keyed, '' for what cannot be read. ``replaces``: the phone's own
    call to the target, which the caller shall take the place of, as the value of a Replaces header (RFC 3891).
    """

    leg: LegName
    target: str
    replaces: str = ""
    type: Literal["transfer_asked"] = "transfer_asked"


@dataclass(frozen=True, slots=True)
class LegHeld:
    """The leg's own telephone holds the call, or has taken it back."""

    leg: LegName
    held: bool
    type: Literal["leg_held"] = "leg_held"


@dataclass(frozen=True, slots=True)
class MediaLost:
    """No RTP has come from this leg for the configured time."""

    leg: LegName
    type: Literal["media_lost"] = "media_lost"


@dataclass(frozen=True, slots=True)
class MediaBack:
    leg: LegName
    type: Literal["media_back"] = "media_back"


@dataclass(frozen=True, slots=True)
class RecordingWentOn:
    """A pause of the recording has lasted its longest."""

    type: Literal["recording_went_on"] = "recording_went_on"


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing was heard of this leg since the watch began: no sound, not only no packets."""

    leg: LegName
    seconds: float
    type: Literal["silent"] = "silent"


@dataclass(frozen=True, slots=True)
class Heard:
    """The leg that was silent is heard."""

    leg: LegName
    type: Literal["heard"] = "heard"


@dataclass(frozen=True, slots=True)
class MessageHeard:
    """Something is heard in the message that is being left."""

    path: str
    type: Literal["message_heard"] = "message_heard"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message was closed: its length in seconds and the SHA-256 of the file, in hex. ``heard``: something was."""

    path: str
    sha256: str
    seconds: float
    heard: bool = False
    type: Literal["recorded"] = "recorded"


@dataclass(frozen=True, slots=True)
class FallbackStarted:
    """No gateway came back in time: the process is dialling its plan. ``pressed``: the caller asked for it."""

    pressed: bool = False
    type: Literal["fallback_started"] = "fallback_started"


@dataclass(frozen=True, slots=True)
class Ack:
    number: int
    ok: bool
    why: str = ""
    type: Literal["ack"] = "ack"


@dataclass(frozen=True, slots=True)
class Leg:
    """``code``: as in ``LegChanged``."""

    name: LegName
    state: LegState
    call_id: str = ""
    local_tag: str = ""
    remote_tag: str = ""
    code: int = 0
    held: bool = False
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the process holds: sent as its first event on every connection, and to whoever takes charge again.

    An idle process is not ``begun`` and has no ``arrived``, no legs and an empty story. ``recording``: the stem
    of what is being recorded.
    """

    slot: int
    pid: int
    port: int
    begun: bool = False
    arrived: Arrived | None = None
    legs: tuple[Leg, ...] = ()
    bridged: tuple[Pair, ...] = ()
    playing: tuple[str, ...] = ()
    recording: str = ""
    recording_paused: bool = False
    message: str = ""
    recorded: tuple[Recorded, ...] = ()
    story: dict[str, str] = field(default_factory=dict)
    type: Literal["snapshot"] = "snapshot"


Event = (
    Arrived
    | Digit
    | Played
    | LegChanged
    | TransferAsked
    | LegHeld
    | MediaLost
    | MediaBack
    | Silent
    | Heard
    | MessageHeard
    | Recorded
    | RecordingWentOn
    | FallbackStarted
    | Ack
    | Snapshot
)

# What the next gateway must hear of: no snapshot tells it, or not what became of it meanwhile.
KEPT = (Digit, FallbackStarted, LegHeld, MediaLost, MediaBack, Silent, Heard, MessageHeard)

ENVELOPE: TypeAdapter[Envelope] = TypeAdapter(Envelope)
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
