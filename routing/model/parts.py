"""What a contact is made of. What ``replacing`` copies has no slots."""

from __future__ import annotations

from dataclasses import dataclass

from config.overflow import Cause, StepKind
from routing.model.kinds import Channel, HandoverState, Role, Time


@dataclass(frozen=True, slots=True)
class Party:
    """The person on the other side. A withheld number has the address ''."""

    address: str
    name: str = ""

    @property
    def withheld(self) -> bool:
        return not self.address


@dataclass(frozen=True)
class Offer:
    """A contact shown to one handler until ``expires_at``. A call's offer is accepted by answering the phone.

    ``broadcast``: others are offered it as well, one of them in earnest; this one takes up nobody's room.
    ``claimed``: its handler has asked for it, so that nobody else is shown it.
    """

    id: str
    reference: str
    handler: str
    channel: Channel
    by_phone: bool
    made_at: Time
    expires_at: Time
    broadcast: bool = False
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    handler: str
    since: Time


@dataclass(frozen=True)
class WrapUp:
    """``until``: when it should be over; the desk is then told once (``told``)."""

    handler: str
    since: Time
    alarmed: bool = False
    until: Time = 0.0
    told: bool = False


@dataclass(frozen=True)
class Guest:
    """Somebody more in a call, or being rung for it. ``handler``: their id if they are one of ours."""

    target: str
    role: Role
    since: Time
    handler: str = ""
    answered_at: Time | None = None


@dataclass(frozen=True)
class Declined:
    """This handler declined or missed the contact and is not offered it again before ``until``; 0 when that is over.

    ``times``: how often; the pause grows with it. ``how`` it came back from them the last time: declined, missed,
    expired, failed, requeued, lost or unreachable."""

    handler: str
    until: Time
    times: int = 1
    how: str = ""


@dataclass(frozen=True)
class Handover:
    """An emergency on its way to the control room; ``joined`` is its positive acknowledgement. ``hung_up``: how often
    one answered and hung up before it can have heard anything."""

    started_at: Time
    by: str
    state: HandoverState
    target: str = ""
    joined_at: Time | None = None
    hung_up: int = 0


@dataclass(frozen=True, slots=True)
class Overflowing:
    """The step of the queue's overflow that the contact is at: ``step`` is its place in the cause's chain."""

    cause: Cause
    kind: StepKind
    step: int
    at: Time


@dataclass(frozen=True, slots=True)
class Graded:
    grade: str
    by: str
    at: Time
