"""What a contact must be like for something to happen to it, in the made-up stories."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis.stateful import precondition

from routing.model import Contact, HandoverState, Stage

Suits = Callable[[Contact], bool]
Happens = TypeVar("Happens", bound=Callable[..., None])


def anything(c: Contact) -> bool:
    return True


def on_line(c: Contact) -> bool:
    return c.live


def off_line(c: Contact) -> bool:
    return not c.live


def arriving(c: Contact) -> bool:
    return c.stage is Stage.ARRIVING


def offered(c: Contact) -> bool:
    return bool(c.offers)


def in_line(c: Contact) -> bool:
    return c.live and (c.wanted or c.overflow is not None)


def waiting_on_line(c: Contact) -> bool:
    return c.live and c.wanted


def led_out(c: Contact) -> bool:
    return c.live and c.overflow is not None and not c.wanted


def talking(c: Contact) -> bool:
    return c.live and c.assignment is not None


def alone_on_line(c: Contact) -> bool:
    return c.live and c.assignment is None


def joined(c: Contact) -> bool:
    return talking(c) and bool(c.guests)


def with_others(c: Contact) -> bool:
    return bool(c.guests or c.passed_to)


def in_wrap_up(c: Contact) -> bool:
    return bool(c.wrap_ups)


def in_hand(c: Contact) -> bool:
    return c.assignment is not None or in_wrap_up(c)


def shown(c: Contact) -> bool:
    """An emergency call that several see, and that nobody has asked for yet."""
    return c.live and any(o.broadcast for o in c.offers)


def being_called(c: Contact) -> bool:
    return c.calling


def on_its_way(c: Contact) -> bool:
    return c.handover is not None and c.handover.state is not HandoverState.ENDED


def once(suits: Suits) -> Callable[[Happens], Happens]:
    """This happens only while there is a contact that suits."""
    return precondition(lambda self: any(suits(c) for c in self.board.contacts.values()))
