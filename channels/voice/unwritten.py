"""What an earlier gateway had done with a call and had no time to write down.

The board still has the caller where they were. The call process remembers who has them now, and from the two
follows what is to be told.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

from channels.voice import messages as msg
from channels.voice import voicemail
from channels.voice.scene import STAGE, ContactView
from routing import events as ev

REQUEUED = "requeued"
REASON_LOST = "the gateway stopped before the reason was written"


def unwritten(
    reference: str, joined: Set[msg.LegName], story: Mapping[str, str], view: ContactView
) -> tuple[tuple[ev.Event, ...], ContactView]:
    """What is to be told, and the contact as it then is. ``joined``: who is on the line; ``story``: what the call
    process remembers."""
    has = story.get("handler", "")
    if has and has != view.handler and "handler" in joined:
        return _with_another(reference, has, view)
    if has:
        return (), view
    if "third" in joined and story.get("third_passed") == "yes":
        return _with(reference, story["third_words"], view)
    stage = story.get(STAGE + "name", "")
    if view.handler and stage == voicemail.STAGE:
        whose = voicemail.whose(story[STAGE + "state"])
        return _with(reference, voicemail.voicemail_of(whose), view)
    if view.handler and stage == REQUEUED:
        queued = ev.Requeued(reference, view.handler, story[STAGE + "queue"], story[STAGE + "why"])
        return (queued,), replace(view, handler="")
    return (), view


def _with_another(reference: str, has: str, view: ContactView) -> tuple[tuple[ev.Event, ...], ContactView]:
    """A handler talks with the caller, and the board knows of another one, or of none."""
    guest = next((g for g in view.guests if g.handler == has), None)
    after = replace(view, handler=has, guests=tuple(g for g in view.guests if g is not guest))
    if guest and guest.role == "supervisor":
        return (ev.CallTakenOver(reference, has, view.handler, REASON_LOST),), after
    if guest:
        return (ev.CallPassed(reference, view.handler, guest.target, has),), after
    if view.offers or view.place:
        return (), view  # they have answered an offer, or too late
    by = f"handler:{view.handler}" if view.handler else "system"
    rung = ev.PartyRung(reference, by, "transfer", has, has)
    return (rung, ev.CallPassed(reference, view.handler, has, has)), after


def _with(reference: str, target: str, view: ContactView) -> tuple[tuple[ev.Event, ...], ContactView]:
    """The caller is with ``target``, and with nobody of ours."""
    if view.passed_to == target and not view.handler:
        return (), view
    passed = ev.CallPassed(reference, view.handler, target) if view.handler else ev.LedOut(reference, target)
    return (passed,), replace(view, handler="", passed_to=target)
