"""One rule for everything that goes out: may it reach this person, and how?"""

from __future__ import annotations

from config.numbers import person_of
from config.safety import MARKS, Mark, Verdict
from routing.board import Board
from routing.model import Channel, Contact

WHERE = {Channel.VOICE: "called", Channel.TEXT: "written to by text", Channel.EMAIL: "written to by email"}


def worse(one: Mark, other: Mark) -> Mark:
    return max(one, other, key=MARKS.index)


def mark_of(board: Board, contact: Contact | None, address: str) -> Mark:
    """The worse of what is known of the contact and of the person at this address."""
    person = board.people.get(person_of(address))
    known: Mark = person.safety if person else "normal"
    return known if contact is None else worse(contact.safety, known)


def verdict(board: Board, contact: Contact | None, channel: Channel, address: str) -> Verdict:
    reach = board.rules.safety.reach(mark_of(board, contact, address))
    if reach is None:
        return "free"
    match channel:
        case Channel.VOICE:
            return reach.voice
        case Channel.TEXT:
            return reach.text
        case Channel.EMAIL:
            return reach.email


def refused(board: Board, contact: Contact | None, channel: Channel, address: str) -> str:
    """Why nothing may go there by this channel, '' when it may."""
    if verdict(board, contact, channel, address) != "refuse":
        return ""
    mark = mark_of(board, contact, address)
    return f"This person must not be {WHERE[channel]}: they are marked '{mark}', it could put them in danger."


def unsent(
    board: Board,
    contact: Contact | None,
    channel: Channel,
    ours: str,
    address: str,
    telling: str,
    *,
    pictures: bool = False,
) -> str:
    """Why these words may not go there from our address. ``telling``: a word in them that says who writes, or ''.
    ``pictures`` go with them."""
    person = board.people.get(person_of(address))
    if person is not None and ours in person.opted_out:
        return f"This person has asked for no more texts from {ours}, by STOP; only their START changes that."
    if why := refused(board, contact, channel, address):
        return why
    if not (telling or pictures) or verdict(board, contact, channel, address) != "neutral":
        return ""
    what = f"the words say '{telling}'" if telling else "a picture may tell it"
    return f"It is not safe if those around this person see who writes, and {what}."
