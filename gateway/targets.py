"""Whom a caller can be passed to: what a handler names at the desk or keys at the phone, as somebody to ring."""

from __future__ import annotations

import re
from dataclasses import replace

from channels.base import Refused
from channels.voice.instructions import Target
from channels.voice.sip import outside
from config.numbers import as_dialled
from config.settings import Settings
from routing.board import Board
from routing.objections.calls import is_an_emergency_number, is_not_whole

EXTENSION = re.compile(r"[0-9]{2,6}")
MOST_LISTED = 20


def at_extension(extension: str, board: Board, settings: Settings) -> Target:
    """The phone of one of our handlers. Raises Refused for an emergency number, and for an extension nobody has."""
    _refuse_emergency(extension, settings)
    owner = board.with_extension(extension)
    if owner is None:
        raise Refused(f"Nobody has extension {extension}; there are: {_extensions(board)}.")
    return Target(owner.name, f"sip:{extension}@{settings.edge.domain}", owner.id)


def at_number(address: str, settings: Settings) -> Target:
    """An outside number. Raises Refused for an emergency number, and for one that is not whole."""
    _refuse_emergency(address, settings)
    if why := is_not_whole(address, settings.routing.short_codes):
        raise Refused(why)
    number = as_dialled(address, settings.routing.short_codes)
    return Target(number, outside(number, settings.edge.domain))


def keyed(text: str, board: Board, settings: Settings, replaces: str = "") -> Target:
    """What was keyed at a phone; ``replaces`` is only for phones of ours, a carrier would refuse it.

    Raises Refused as the two above, and for nothing."""
    if not text:
        raise Refused("No extension or number was keyed.")
    if EXTENSION.fullmatch(text) and (board.with_extension(text) or text not in settings.routing.short_codes):
        return replace(at_extension(text, board, settings), replaces=replaces)
    return at_number(text, settings)


def _extensions(board: Board) -> str:
    """Those that there are, each with its handler; of very many the first."""
    having = sorted((h.extension, h.name) for h in board.handlers.values() if h.extension)
    listed = [f"{extension} ({name})" for extension, name in having[:MOST_LISTED]]
    more = len(having) - len(listed)
    return ", ".join([*listed, *([f"and {more} more"] if more else [])]) or "none"


def _refuse_emergency(dialled: str, settings: Settings) -> None:
    if why := is_an_emergency_number(dialled, settings.routing.never_dial):
        raise Refused(why)
