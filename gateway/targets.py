"""Whom a caller can be passed to: what a handler names at the desk or keys at the phone, as somebody to ring."""

from __future__ import annotations

import re
from dataclasses import replace

from channels.base import Refused
from channels.voice.instructions import Target
from config.numbers import e164, is_emergency
from config.settings import Settings
from routing.board import Board

EXTENSION = re.compile(r"[0-9]{2,6}")


def at_extension(extension: str, board: Board, settings: Settings) -> Target:
    """A phone of ours; one of our handlers is called by their name. Raises Refused for an emergency number."""
    _refuse_emergency(extension, settings)
    owner = board.with_extension(extension)
    uri = f"sip:{extension}@{settings.edge.domain}"
    return Target(owner.name, uri, owner.id) if owner else Target(f"extension {extension}", uri)


def at_number(address: str, settings: Settings) -> Target:
    """An outside number. Raises Refused for an emergency number."""
    _refuse_emergency(address, settings)
    number = e164(address)
    return Target(number, f"sip:{number}@{settings.edge.domain}")


def keyed(text: str, board: Board, settings: Settings, replaces: str = "") -> Target:
    """What was keyed at a phone; ``replaces`` is only for phones of ours, a carrier would refuse it.

    Raises Refused for an emergency number and for nothing."""
    if not text:
        raise Refused("No extension or number was keyed.")
    number = at_number(text, settings)
    ours = EXTENSION.fullmatch(text)
    return replace(at_extension(text, board, settings), replaces=replaces) if ours else number


def _refuse_emergency(dialled: str, settings: Settings) -> None:
    if is_emergency(dialled, settings.routing.never_dial):
        raise Refused(f"{dialled} is an emergency number: raise the emergency instead.")
