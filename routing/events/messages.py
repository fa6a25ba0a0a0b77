"""Texts and emails, in and out. Their bodies are never in an event: the message's id is."""

from __future__ import annotations

from dataclasses import dataclass

from routing.model import Channel, Party, Wish
from routing.triage.finding import NOTHING, Finding
from routing.words import duration

# A message that lay somewhere for so long may be of what is over.
LATE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A text or email. ``thread`` names the conversation; an open contact with the same one takes it.

    ``reference`` is for a new contact, if one is needed; ``linked_to`` an earlier contact it belongs with.
    ``automatic`` mail is never answered automatically (RFC 3834), and nor is anybody who was ``answered_enough`` today.
    ``doubtful``: why its sender may be forged, so that it is not acknowledged; '' when nothing says so.
    ``finding``: what triage says of its words; of these the journal keeps those that raised it. ``wish``: they want no
    more texts from this number of ours, or want them again. ``waited``: for how many seconds it lay with its carrier or
    our mail server before it came here.
    """

    reference: str
    message: str
    channel: Channel
    queue: str
    party: Party
    our_address: str
    thread: str
    subject: str = ""
    linked_to: str = ""
    automatic: bool = False
    language: str = ""
    answered_enough: bool = False
    doubtful: str = ""
    finding: Finding = NOTHING
    wish: Wish = ""
    waited: float = 0.0

    @property
    def sounds_like(self) -> str:
        """Why its words sound like an emergency, and that they may be of one that is over."""
        return self.finding.in_words + self._late

    @property
    def remark(self) -> str:
        """For the story of the contact."""
        wish = {"": "", "stop": "; they want no more texts from it", "start": "; they want its texts again"}[self.wish]
        return wish + (f"; it {self.sounds_like}" if self.finding.sounds_like_emergency else self._late)

    @property
    def _late(self) -> str:
        return f"; it came here {duration(self.waited)} late" if self.waited >= LATE_SECONDS else ""


@dataclass(frozen=True, slots=True)
class ReplyWritten:
    """``telling``: a word in it that says who writes, of those that the site avoids where that is not safe.
    ``pictures``: the SHA-256 of each file that goes with it."""

    reference: str
    message: str
    by: str
    telling: str = ""
    pictures: tuple[str, ...] = ()

    @property
    def remark(self) -> str:
        """For the story of the contact."""
        return f" with {len(self.pictures)} picture(s)" if self.pictures else ""


@dataclass(frozen=True, slots=True)
class SendingClaimed:
    """A try at sending begins; if nothing more is heard of it, the provider is asked before the next try."""

    reference: str
    message: str
    attempt: int
    which: str = "a message"


@dataclass(frozen=True, slots=True)
class MessageSent:
    reference: str
    message: str
    provider_id: str
    which: str = "a message"


@dataclass(frozen=True, slots=True)
class SendingFailed:
    """``final``: given up. Otherwise it is tried again at ``next_at``, 0 where it waits for its way out. ``which``: in
    words, for the story. ``late``: it takes so long that a person must know. ``deferred_since``: when its server first
    wanted it later, 0 where it never did."""

    reference: str
    message: str
    why: str
    final: bool
    next_at: float = 0.0
    which: str = "a message"
    late: bool = False
    deferred_since: float = 0.0


@dataclass(frozen=True, slots=True)
class DeliveryReported:
    reference: str
    message: str
    status: str
    code: str = ""
    why: str = ""
    which: str = "a message"


OfMessages = MessageArrived | ReplyWritten | SendingClaimed | MessageSent | SendingFailed | DeliveryReported
