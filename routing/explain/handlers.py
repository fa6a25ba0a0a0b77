"""What keeps a handler from a contact; the first that holds is the reason. And why another was chosen."""

from __future__ import annotations

from collections.abc import Iterable

from routing.abilities import ORDINARY, centre
from routing.board import Board
from routing.explain.facts import Judged, Needed, Reason, When
from routing.matching import kept_for_a_call
from routing.model import Channel, Contact, Handler, PresenceState, Reach, Time
from routing.turns import FIRST_MINUTE
from routing.words import in_words

FREE = Reason("free", "is free and can take it")
COULD_TOO = frozenset({"not_their_turn", "less_room", "preferred_skills", "shown_too", "claimed"})
UNABLE = frozenset({"no_capacity", "lacks_skill", "other_centre", "reserved"})  # whatever they are doing
CAME_BACK = {
    "declined": "declined it",
    "missed": "did not answer when their phone rang",
    "expired": "did not accept it in time",
    "failed": "could not be rung",
    "requeued": "gave it back to a queue",
    "lost": "lost the call",
    "unreachable": "could not be rung for the call to the person",
}
NO_ROOM = {Channel.VOICE: "has no telephone", Channel.TEXT: "takes no texts", Channel.EMAIL: "takes no emails"}


def judged(board: Board, contact: Contact, now: Time, when: When) -> tuple[Judged, ...]:
    """Every handler, by name."""
    handlers = sorted(board.handlers.values(), key=lambda h: h.id)
    return tuple(Judged(h.id, against(board, contact, h, now, when) or FREE) for h in handlers)


def against(board: Board, contact: Contact, handler: Handler, now: Time, when: When) -> Reason | None:
    """What keeps this handler from the contact now; None: nothing."""
    return (
        _not_signed_in(board, contact, handler, when)
        or _takes_none(handler, contact.load)
        or _lacks(board, contact, handler, when)
        or _away(handler)
        or _only_another(board, contact, handler, when)
        or _declined(contact, handler, now, when)
        or _busy(board, contact, handler, when)
        or _kept(board, contact, handler, now)
    )


def needed(board: Board, contact: Contact, when: When) -> tuple[Needed, ...]:
    """What it insists on now, each with when that ends."""
    steps = board.rules.needs.steps(contact.queue, contact.language, emergency=contact.emergency)
    at = min(contact.relaxed, len(steps) - 1)
    found = []
    for what in sorted(steps[at].needed - {ORDINARY}):
        over = next((step.after for step in steps[at + 1 :] if what not in step.needed), None)
        until = None if over is None else contact.wait_began_at + over
        had = any(what in board.able(name) for name in board.handlers)
        how_long = "always" if until is None else f"until {when(until)}{'' if had else '; there is none'}"
        found.append(Needed(what, f"{in_words(what)} ({how_long})", until))
    return tuple(found)


def not_chosen(
    board: Board, contact: Contact, chosen: str, shown_to: Iterable[str], claimed: bool, now: Time, when: When
) -> tuple[Judged, ...]:
    """Everybody but the one who was chosen, and why it was not them. The board is that of the moment before."""
    found = []
    for handler in sorted(board.handlers.values(), key=lambda h: h.id):
        if handler.id == chosen:
            continue
        if handler.id in shown_to:
            reason = Reason("shown_too", "is shown it as well: an emergency is shown to all who are free")
        elif claimed:
            reason = against(board, contact, handler, now, when) or Reason("claimed", f"{chosen} asked for it first")
        else:
            reason = against(board, contact, handler, now, when) or _not_their_turn(
                board, contact, handler, board.handlers[chosen], when
            )
        found.append(Judged(handler.id, reason))
    return tuple(found)


# --- not able ----------------------------------------------------------------------------------------


def _not_signed_in(board: Board, contact: Contact, handler: Handler, when: When) -> Reason | None:
    """Supervisors and whoever lacks what it needs are told apart: it would be no use to call them in."""
    if handler.presence.state is not PresenceState.OFFLINE:
        return None
    unable = _takes_none(handler, contact.load) or _lacks(board, contact, handler, when)
    if unable is None:
        return Reason("offline", "is not signed in")
    return Reason("offline_unable", f"is not signed in, and {unable.said}")


def _takes_none(handler: Handler, load: Channel) -> Reason | None:
    return None if handler.capacity(load) else Reason("no_capacity", NO_ROOM[load])


def _lacks(board: Board, contact: Contact, handler: Handler, when: When) -> Reason | None:
    missing = board.need_of(contact).able - board.able(handler.id)
    if not missing:
        return None
    if ORDINARY in missing:
        return Reason("reserved", "is kept for emergencies")
    first = min(
        (n for n in needed(board, contact, when) if n.what in missing),
        key=lambda n: (n.until is not None, -(n.until or 0.0), n.what),
    )
    if first.what.startswith("@"):
        only = first.what.removeprefix(centre(""))
        said = f"works in {handler.centre}; only {only} is asked until {when(first.until or 0.0)}"
        return Reason("other_centre", said, first.until)
    insisted = "which it always needs" if first.until is None else f"which is insisted on until {when(first.until)}"
    return Reason("lacks_skill", f"lacks {in_words(first.what)}, {insisted}", first.until)


# --- not now -----------------------------------------------------------------------------------------


def _away(handler: Handler) -> Reason | None:
    if handler.presence.state is not PresenceState.AWAY:
        return None
    return Reason("away", f"is away ({handler.presence.reason or 'no reason given'})")


def _only_another(board: Board, contact: Contact, handler: Handler, when: When) -> Reason | None:
    if contact.preferred in ("", handler.id):
        return None
    who = "who owns it" if contact.owner == contact.preferred else "who dealt with this person last"
    until = f" until {when(contact.preferred_until)}" if contact.preferred_until else ""
    said = f"is not asked: {contact.preferred}, {who}, is asked alone{until}"
    return Reason("kept_for_another", said, contact.preferred_until)


def _declined(contact: Contact, handler: Handler, now: Time, when: When) -> Reason | None:
    paused = next((d for d in contact.declined if d.handler == handler.id and d.until > now), None)
    if paused is None:
        return None
    how = CAME_BACK.get(paused.how, "declined, missed or lost it")
    times = "" if paused.times == 1 else f"; it has come back from them {paused.times} times"
    said = f"{how} and is not asked again before {when(paused.until)}{times}"
    return Reason("declined", said, paused.until)


def _busy(board: Board, contact: Contact, handler: Handler, when: When) -> Reason | None:
    if board.is_free(handler.id, contact.load, board.need_of(contact).reach):
        return None
    engaged = board.engaged_in(handler.id)
    in_a_call = next((reason for c in engaged if (reason := _call_of(c, handler.id, when))), None)
    return in_a_call or _messages(engaged, contact, handler)


def _call_of(contact: Contact, handler: str, when: When) -> Reason | None:
    """What of this contact keeps the handler from everything else. Whom a supervisor listens to is not said."""
    reference, calls = contact.reference, contact.load is Channel.VOICE
    if contact.assignment and contact.assignment.handler == handler and calls:
        doing = "is calling somebody for" if contact.calling else "has the call of"
        return Reason("on_call", f"{doing} {reference} since {when(contact.assignment.since)}")
    for guest in contact.guests:
        if guest.handler == handler and guest.answered_at is None:
            return Reason("ringing", f"is being rung for a colleague's call since {when(guest.since)}")
        if guest.handler == handler and guest.answered_at is not None:
            return Reason("in_call", f"is in a colleague's call since {when(guest.answered_at)}")
    for offer in contact.offers:
        if offer.handler == handler and not offer.broadcast and offer.channel is Channel.VOICE:
            how = "their phone rings for" if offer.by_phone else "is being offered"
            return Reason("ringing", f"{how} {reference} since {when(offer.made_at)}", offer.expires_at)
    for wrap_up in contact.wrap_ups:
        if wrap_up.handler == handler:
            return Reason("wrap_up", f"is in the wrap-up of {reference} since {when(wrap_up.since)}")
    return None


def _messages(engaged: list[Contact], contact: Contact, handler: Handler) -> Reason:
    """No call keeps them, so it is messages: as many as they take, or any at all where calls do not interrupt."""
    held = [channel for c in engaged if (channel := _held(c, handler.id)) is not None]
    texts, emails = held.count(Channel.TEXT), held.count(Channel.EMAIL)
    if contact.load is Channel.VOICE:
        return Reason("busy", f"has {texts} text(s) and {emails} email(s), which calls do not interrupt here")
    if texts > handler.text_capacity or emails > handler.email_capacity:
        takes = f"{texts} text(s) of {handler.text_capacity}, {emails} email(s) of {handler.email_capacity}"
        return Reason("over_full", f"has more than they take already: {takes}")
    count = held.count(contact.load)
    return Reason("busy", f"is busy with {count} of {handler.capacity(contact.load)} {contact.load.value}s")


def _held(contact: Contact, handler: str) -> Channel | None:
    if contact.assignment and contact.assignment.handler == handler:
        return contact.load
    return next((o.channel for o in contact.offers if o.handler == handler and not o.broadcast), None)


def _kept(board: Board, contact: Contact, handler: Handler, now: Time) -> Reason | None:
    if not kept_for_a_call(board, handler.id, contact, now):
        return None
    return Reason("kept_for_call", "is kept free for a call that waits and comes first")


# --- not their turn ----------------------------------------------------------------------------------


def _not_their_turn(board: Board, contact: Contact, handler: Handler, chosen: Handler, when: When) -> Reason:
    if (less := _less_room(board, contact, handler, chosen)) is not None:
        return less
    prefers = board.need_of(contact).prefers
    mine, theirs = prefers & board.able(handler.id), prefers & board.able(chosen.id)
    if len(theirs) > len(mine):
        more = ", ".join(in_words(skill) for skill in sorted(theirs - mine))
        return Reason("preferred_skills", f"could take it, but {chosen.id} has more of what is preferred: {more}")
    return Reason("not_their_turn", f"could take it, but it was not their turn: {_turns(board, handler, chosen, when)}")


def _less_room(board: Board, contact: Contact, handler: Handler, chosen: Handler) -> Reason | None:
    """An emergency goes first to who has room, then to who is full, then to who is in wrap-up."""
    mine, theirs = (board.reach_to(h.id, contact.load) or Reach.ROOM for h in (handler, chosen))
    if mine <= theirs:
        return None
    messages = "has messages in hand" if contact.load is Channel.VOICE else "is full"
    said = "is in wrap-up" if mine is Reach.WRAP_UP else messages
    return Reason("less_room", f"{said}, and could take it as an emergency, but {chosen.id} comes first")


def _turns(board: Board, handler: Handler, chosen: Handler, when: When) -> str:
    mine, theirs = (board.loads.of(h.id).offered for h in (handler, chosen))
    if mine > theirs:
        return f"has {mine} on offer already, {chosen.id} {theirs or 'nothing'}"
    match board.rules.routing.choose_by:
        case "longest_idle":
            return _idle(handler.idle_since, chosen, when)
        case "round_robin":
            return f"last offered something {_last(handler, when)}, {chosen.id} {_last(chosen, when)}"
        case "least_occupied":
            return f"busy {_share(handler):.0%} of the time since they signed in, {chosen.id} {_share(chosen):.0%}"


def _idle(since: Time, chosen: Handler, when: When) -> str:
    """Within one second of the clock, by how much."""
    if when(since) != when(chosen.idle_since):
        return f"idle since {when(since)}, {chosen.id} since {when(chosen.idle_since)}"
    longer = since - chosen.idle_since
    by = f"{chosen.id} for {longer:.3f} s longer" if longer else f"{chosen.id} as long, and comes first by name"
    return f"idle since {when(since)}, {by}"


def _last(handler: Handler, when: When) -> str:
    return f"at {when(handler.offered_at)}" if handler.offered_at else "never"


def _share(handler: Handler) -> float:
    return handler.busy_seconds / max(FIRST_MINUTE, handler.idle_since - handler.signed_in_at)
