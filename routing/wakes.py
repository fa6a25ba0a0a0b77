"""When a contact is to be looked at again although nothing happens: the moments that it waits for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from routing.model import Channel, Contact, Time
from routing.rules import Rules

CALLBACK_ANSWER_SECONDS = 45.0  # who has not asked to be called back by then is led on


class Wake(NamedTuple):
    """At ``at``, look again at this: ``kind`` names a rule in ``reactions``."""

    at: Time
    kind: str
    reference: str
    detail: str = ""


def wakes(contact: Contact, was: Contact, rules: Rules) -> Iterator[Wake]:
    """The moments that are new since it was as in ``was``. What it had before is not looked at once more."""
    reference = contact.reference
    if contact.offers is not was.offers:
        for offer in contact.offers:
            if not offer.broadcast and offer not in was.offers:  # what is only shown goes with the one in earnest
                yield Wake(offer.expires_at, "offer", reference, offer.id)
    if contact.declined is not was.declined:
        for declined in contact.declined:
            if declined.until and declined not in was.declined:
                yield Wake(declined.until, "declined", reference, declined.handler)
    if contact.wrap_ups is not was.wrap_ups:
        for wrap_up in contact.wrap_ups:
            if wrap_up not in was.wrap_ups:
                alarm = wrap_up.since + rules.routing.wrap_up_alarm_seconds
                yield Wake(alarm, "wrap_up", reference, wrap_up.handler)
                if wrap_up.until and not wrap_up.told:
                    yield Wake(wrap_up.until, "wrap_up_due", reference, wrap_up.handler)
    if contact.preferred_until is not None and was.preferred_until != contact.preferred_until:
        yield Wake(contact.preferred_until, "preferred", reference)
    if contact.expected_until is not None and was.expected_until != contact.expected_until:
        yield Wake(contact.expected_until, "expected", reference)
    if contact.wanted:
        yield from _while_wanted(contact, was, rules)
    heard_at = contact.heard_at if contact.emergency and not contact.silence_told else None
    if heard_at is not None and not (was.emergency and was.heard_at == heard_at):
        yield Wake(heard_at + silence_seconds(contact, rules), "silence", reference)
    step = contact.overflow
    if step is not None and step.kind == "callback" and was.overflow != step:
        yield Wake(step.at + CALLBACK_ANSWER_SECONDS, "overflow", reference)


def _while_wanted(contact: Contact, was: Contact, rules: Rules) -> Iterator[Wake]:
    relaxes = _relaxes_at(contact, rules)
    if relaxes is not None and _relaxes_at(was, rules) != relaxes:
        yield Wake(relaxes, "relax", contact.reference)
    longest, since = rules.longest_waits.get(contact.queue), contact.waiting_since
    counted = was.wanted and was.queue == contact.queue and was.waiting_since == since
    if longest and since is not None and not counted:
        yield Wake(since + longest, "overflow", contact.reference)
    known = was.emergency and was.wanted and was.waiting_alarmed_at == contact.waiting_alarmed_at
    if contact.emergency and not known:
        yield Wake(alarm_at(contact, rules), "emergency", contact.reference)


def _relaxes_at(contact: Contact, rules: Rules) -> Time | None:
    """When less is insisted on; None when it is the least already."""
    if not contact.wanted:
        return None
    steps = rules.needs.steps(contact.queue, contact.language, emergency=contact.emergency)
    following = contact.relaxed + 1
    return contact.wait_began_at + steps[following].after if following < len(steps) else None


def is_idle(wake: Wake, contact: Contact | None) -> bool:
    """Nothing would come of it: the contact is closed, its offer was answered, the wrap-up is over."""
    if contact is None:
        return True
    match wake.kind:
        case "offer":
            return not contact.offers
        case "wrap_up" | "wrap_up_due":
            return not contact.wrap_ups
        case "emergency" | "relax":
            return not contact.wanted
    return False


def alarm_at(contact: Contact, rules: Rules) -> Time:
    """When the supervisors are next told that nobody has taken an emergency."""
    if contact.waiting_alarmed_at < contact.wait_began_at:
        return contact.wait_began_at + rules.routing.emergency_alarm_seconds
    return contact.waiting_alarmed_at + rules.routing.emergency_alarm_again_seconds


def alarm_due(contact: Contact, rules: Rules, now: Time) -> bool:
    """An emergency for which nobody has been found, and of which supervisors are to be told, or told again."""
    return contact.emergency and contact.wanted and now >= alarm_at(contact, rules)


def silent_since(contact: Contact, rules: Rules, now: Time) -> bool:
    """Somebody who wrote of an emergency has fallen silent, and nobody was told yet. A caller is heard."""
    if not contact.emergency or contact.heard_at is None or contact.silence_told or contact.live:
        return False
    return contact.channel is not Channel.VOICE and now >= contact.heard_at + silence_seconds(contact, rules)


def silence_seconds(contact: Contact, rules: Rules) -> float:
    """How long somebody who wrote of an emergency may say nothing more; emails are written more slowly."""
    by_email = contact.channel is Channel.EMAIL
    return rules.routing.emergency_email_silence_seconds if by_email else rules.routing.emergency_silence_seconds
