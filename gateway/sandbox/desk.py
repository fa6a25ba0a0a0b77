"""What the handler of a contact, or the supervisor, does at a desk during a call; for the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.sandbox import demo
from gateway.sandbox.client import ApiError
from gateway.sandbox.world import World
from routing.model import Contact, Offer

SUPERVISOR = "sam"
Method = Literal["PUT", "POST", "DELETE"]


@dataclass(frozen=True, slots=True)
class Act:
    """One request to the API below ``contacts/REFERENCE/``. ``body`` is made from the command's TARGET.

    ``by``: the supervisor, the handler to whom it is offered (``path`` is then below that offer), or who has it."""

    method: Method
    path: str
    body: Callable[[str], dict[str, Any] | None] = lambda target: None
    by: Literal["handler", "offered", "supervisor"] = "handler"


def _third(role: str) -> Act:
    return Act("POST", "call/third", lambda target: {"role": role, "to": _target(target)})


def _supervision(mode: str) -> Act:
    body = {"mode": mode, "reason": "shown in the sandbox"}
    return Act("PUT", "call/supervision", lambda target: body, by="supervisor")


ACTS: Mapping[str, Act] = {
    "accept": Act("POST", "accept", by="offered"),
    "decline": Act("POST", "decline", by="offered"),
    "hold": Act("PUT", "call/hold", lambda target: {"held": True}),
    "resume": Act("PUT", "call/hold", lambda target: {"held": False}),
    "mute": Act("PUT", "call/mute", lambda target: {"muted": True}),
    "unmute": Act("PUT", "call/mute", lambda target: {"muted": False}),
    "pause-recording": Act("PUT", "call/recording", lambda target: {"paused": True, "reason": target}),
    "resume-recording": Act("PUT", "call/recording", lambda target: {"paused": False}),
    "digits": Act("POST", "call/digits", lambda target: {"digits": target}),
    "transfer": _third("transfer"),
    "consult": _third("consult"),
    "conference": _third("conference"),
    "interpreter": Act("POST", "call/third", lambda target: {"role": "interpreter", "to": {"language": target}}),
    "complete": Act("POST", "call/third/complete"),
    "drop": Act("DELETE", "call/third"),
    "queue": Act("POST", "call/queue", lambda target: {"queue": target}),
    "voicemail": Act("POST", "call/voicemail", lambda target: {"of": target}),
    "extend": Act("POST", "call/wrap-up/extend", lambda target: {"seconds": target} if target else {}),
    "dial": Act("POST", "call", lambda target: {"address": target} if target else {}),
    "listen": _supervision("listen"),
    "whisper": _supervision("whisper"),
    "barge": _supervision("barge"),
    "take-over": Act("POST", "call/take-over", lambda target: {"reason": "shown in the sandbox"}, by="supervisor"),
    "emergency": Act("POST", "emergency", lambda target: {"how": target or "raised in the sandbox"}),
    "safety": Act("PUT", "safety", lambda target: {"calling": target}),
    "note": Act("POST", "notes", lambda target: {"text": target}),
    "leave": Act("POST", "leave"),
    "end": Act("POST", "end"),
    "wrap-up": Act("POST", "wrap-up", lambda target: {"disposition": target or "resolved"}),
}
NEED_TARGET = (
    *("pause-recording", "digits", "transfer", "consult", "conference", "interpreter", "queue", "voicemail"),
    *("safety", "note"),
)


async def at_the_desk(world: World, reference: str, act: str, target: str) -> None:
    """Raises ApiError with what the gateway says against it."""
    wanted = ACTS[act]
    if act in NEED_TARGET and not target:
        raise ApiError(400, f"{act} needs a TARGET; see contact-gateway sandbox desk --help")
    contact = await world.store().contact(reference)  # looked at here, so that the journal holds no reading of ours
    name, path = _whose(contact), f"contacts/{reference}/{wanted.path}"
    if wanted.by == "supervisor":
        name = SUPERVISOR
    elif wanted.by == "offered":
        offer = _offer(contact)
        name, path = offer.handler, f"offers/{offer.id}/{wanted.path}"
    client = await world.api(name)
    await client.request(wanted.method, path, wanted.body(target))


async def reply(world: World, reference: str, words: Mapping[str, Any], *, preview: bool) -> Any:
    """The gateway's answer; with ``preview`` nothing is sent. Raises ApiError with what the gateway says against it."""
    client = await world.api(_whose(await world.store().contact(reference)))
    return await client.post(f"contacts/{reference}/replies{'/preview' if preview else ''}", words)


async def set_presence(world: World, state: str, names: Sequence[str]) -> None:
    """Of all handlers, if none is named. Raises ApiError, also for a name that there is not."""
    known = sorted(account.id for account in demo.ACCOUNTS)
    if unknown := [name for name in names if name not in known]:
        raise ApiError(400, f"there is no handler {unknown[0]}; there are: {', '.join(known)}")
    reason = {"reason": "break"} if state == "away" else {}
    for name in names or [account.id for account in demo.HANDLERS]:
        await (await world.api(name)).put("me/presence", {"state": state, **reason})


def _whose(contact: Contact | None) -> str:
    """The handler who has the contact, writes it up, or had it last; of nobody's the supervisor is told so."""
    if contact is None:
        return SUPERVISOR
    writing = contact.wrap_ups[0].handler if contact.wrap_ups else ""
    return (contact.assignment.handler if contact.assignment else "") or writing or contact.owner or SUPERVISOR


def _offer(contact: Contact | None) -> Offer:
    if contact is None or not contact.offers:
        raise ApiError(409, "It is offered to nobody at the moment.")
    return contact.offers[0]


def _target(target: str) -> dict[str, str]:
    """A handler's name, an extension or a telephone number, whichever it looks like. Raises ApiError for no name."""
    names = sorted(account.id for account in demo.ACCOUNTS)
    if target in names:
        return {"handler": target}
    if any(map(str.isalpha, target)):
        raise ApiError(400, f"there is no handler {target}; there are: {', '.join(names)}")
    return {"extension": target} if re.fullmatch(r"[0-9]{2,6}", target) else {"number": target}
