"""Who is on the line of one call, and what follows for what each of them hears. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from channels.voice.messages import LegName, LegState, Pair, mesh

Supervision = Literal["listen", "whisper", "barge"]
UNDER_WAY = ("dialling", "ringing", "answered")
MOST_LEGS = 4


@dataclass(slots=True)
class Line:
    """``joined``: the legs that are up and belong to the call. ``aside``: handler and third talk among themselves.

    ``held`` (at the desk), ``held_at_phone`` and ``aside`` each keep the caller on music; ``muted`` keeps the
    handler from being heard.
    """

    legs: dict[LegName, LegState] = field(default_factory=dict)
    joined: set[LegName] = field(default_factory=set)
    held: bool = False
    held_at_phone: bool = False
    muted: bool = False
    aside: bool = False
    supervision: Supervision = "listen"

    def under_way(self, leg: LegName) -> bool:
        """Dialled, ringing or up."""
        return self.legs.get(leg) in UNDER_WAY

    def leave(self, leg: LegName) -> None:
        self.joined.discard(leg)
        if leg == "handler":
            self.held = self.held_at_phone = self.muted = self.aside = False
        if leg == "third":
            self.aside = False

    def rename(self, old: LegName, new: LegName) -> None:
        """The leg takes another part in the call."""
        self.legs[new] = self.legs.pop(old)
        if old in self.joined:
            self.leave(old)
            self.joined.add(new)

    def has_room(self, *, kept_for_control_room: bool) -> bool:
        """Whether one more can be rung: the media stack holds four, and the control room that is being called needs
        one also between two tries."""
        kept = kept_for_control_room and not self.under_way("control_room")
        return sum(state in UNDER_WAY for state in self.legs.values()) + kept < MOST_LEGS


def line_broke(state: LegState, code: int) -> bool:
    """Whether a talking leg ended without a word from its peer: nobody, or nobody who knew the call, was there."""
    return state == "ended" and code >= 400


def who_hears_whom(line: Line) -> tuple[Pair, ...]:
    """A supervisor hears everybody and is heard only by those whom the mode says."""
    talking = sorted(line.joined - {"supervisor"})
    pairs = mesh(*(leg for leg in talking if leg != "caller" or not _kept_apart(line)))
    if line.muted or line.held_at_phone:  # a phone that holds may play music of its own
        pairs = tuple(pair for pair in pairs if pair[0] != "handler")
    return (*pairs, *_supervised(line, talking)) if "supervisor" in line.joined else pairs


def waits_alone(line: Line) -> bool:
    """The caller is with nobody, so they must hear music. One whose handler is muted is not alone."""
    others = line.joined - {"caller", "supervisor"}
    return "caller" in line.joined and (not others or _kept_apart(line))


def _kept_apart(line: Line) -> bool:
    """Nobody is kept from the control room once it is there."""
    return (line.held or line.held_at_phone or line.aside) and "control_room" not in line.joined


def _supervised(line: Line, talking: list[LegName]) -> tuple[Pair, ...]:
    heard_by: dict[Supervision, list[LegName]] = {
        "listen": [],
        "whisper": [leg for leg in talking if leg == "handler"],
        "barge": talking,
    }
    listening: tuple[Pair, ...] = tuple((leg, "supervisor") for leg in talking)
    return (*listening, *(("supervisor", leg) for leg in heard_by[line.supervision]))
