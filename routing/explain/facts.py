"""What an explanation consists of. Times are seconds since 1970-01-01 UTC; ``said`` has them in words already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from routing.model import Stage, Time

When = Callable[[Time], str]  # a time in words, for people
# Whether other routing rules are those that an explanation is told by; '' where the journal does not tell.
Compared = Literal["same", "other", ""]


@dataclass(frozen=True, slots=True)
class Reason:
    """``until``: when it is over by itself; None where only an event can end it."""

    code: str
    said: str
    until: Time | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What keeps this handler from the contact, or kept them from being chosen."""

    handler: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Chosen:
    """An offer in earnest. ``rule``: by which rule this handler was chosen; ``others``: everybody else, and why not.

    ``agrees``: the rules that this is told by choose the same handler.
    """

    handler: str
    at: Time
    rule: str
    said: str
    others: tuple[Judged, ...]
    agrees: bool


@dataclass(frozen=True, slots=True)
class Needed:
    """``what`` is as in the configuration; ``until``: when it is insisted on no more, None for always."""

    what: str
    said: str
    until: Time | None


@dataclass(frozen=True, slots=True)
class Before:
    """A contact that is served sooner by the handlers who could take this one."""

    reference: str
    queue: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Later:
    """What happens at ``at`` if it still waits then."""

    at: Time
    said: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """``place``: in its queue and channel, of ``of`` who wait there. ``before``: in the order of service. ``nobody``:
    what no handler at all has, so that none could take it, whoever signs in; '' where somebody could."""

    place: int
    of: int
    due_at: Time
    sooner: tuple[Reason, ...]
    needs: tuple[Needed, ...]
    before: tuple[Before, ...]
    handlers: tuple[Judged, ...]
    nobody: str
    later: tuple[Later, ...]


@dataclass(frozen=True, slots=True)
class Waited:
    """The last wait that is over. ``waiting``: how things stood right before ``until``, without what came next."""

    since: Time
    until: Time
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class State:
    """``since``: None where the journal's events do not tell."""

    stage: Stage
    since: Time | None
    said: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """``sentences`` say all of it, in lines; a line that belongs to the one above begins with two spaces more.

    It is told by the rules of one configuration: ``rules_then`` compares with them those that were in force from the
    contact's arrival to the instant, ``rules_now`` those with which the gateway started last."""

    reference: str
    at: Time
    state: State
    waiting: Waiting | None
    chosen: Chosen | None
    rules_then: Compared
    rules_now: Compared
    waited: Waited | None = None
    sentences: tuple[str, ...] = ()
