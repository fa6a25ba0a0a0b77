"""Follow-ups: asked for, made, tried in vain, cancelled."""

from __future__ import annotations

from dataclasses import dataclass

from routing.model import FollowUp


@dataclass(frozen=True, slots=True)
class FollowUpRequested:
    follow_up: FollowUp
    by: str


@dataclass(frozen=True, slots=True)
class FollowUpAnswered:
    """The person answered and talks with the handler."""

    reference: str
    follow_up: str


@dataclass(frozen=True, slots=True)
class FollowUpTried:
    """An attempt reached nobody. ``outcome``: busy, no_answer, unreachable, handler_unreachable."""

    reference: str
    follow_up: str
    outcome: str


@dataclass(frozen=True, slots=True)
class FollowUpCancelled:
    reference: str
    follow_up: str
    by: str
    why: str


OfFollowUps = FollowUpRequested | FollowUpAnswered | FollowUpTried | FollowUpCancelled
