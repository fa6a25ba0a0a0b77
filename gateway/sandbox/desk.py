"""What the handler of a contact, or the supervisor, does at a desk during a call; for the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.sandbox import demo
from gateway.sandbox.client import ApiError, Client
from gateway.sandbox.world import World

SUPERVISOR = "sam"
Method = Literal["PUT", "POST", "DELETE"]


@dataclass(frozen=True, slots=True)
class Act:
    """One request to the API below ``contacts/REFERENCE/``. ``body`` is made from the command's TARGET."""

    method: Method
    path: str
    body: Callable[[str], dict[str, Any] | None] = lambda target: None
    by_supervisor: bool = False


def _third(role: str) -> Act:
    return Act("POST", "call/third", lambda target: {"role": role, "to": _target(target)})


def _supervision(mode: str) -> Act:
    body = {"mode": mode, "reason": "shown in the sandbox"}
    return Act("PUT", "call/supervision", lambda target: body, by_supervisor=True)


ACTS: Mapping[str, Act] = {
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
    "take-over": Act("POST", "call/take-over", lambda target: {"reason": "shown in the sandbox"}, by_supervisor=True),
}
NEED_TARGET = ("pause-recording", "digits", "transfer", "consult", "conference", "interpreter", "queue", "voicemail")


async def at_the_desk(world: World, reference: str, act: str, target: str) -> None:
    """Raises ApiError with what the gateway says against it."""
    wanted = ACTS[act]
    if act in NEED_TARGET and not target:
        raise ApiError(400, f"{act} needs a TARGET; see contact-gateway sandbox desk --help")
    client = await (world.api(SUPERVISOR) if wanted.by_supervisor else _whose(world, reference))
    await client.request(wanted.method, f"contacts/{reference}/{wanted.path}", wanted.body(target))


async def reply(world: World, reference: str, body: str, pictures: Sequence[Mapping[str, str]]) -> None:
    """Raises ApiError with what the gateway says against it."""
    client = await _whose(world, reference)
    await client.post(f"contacts/{reference}/replies", {"body": body, "pictures": list(pictures)})


async def _whose(world: World, reference: str) -> Client:
    """Signed in as the handler who has the contact, or had it last."""
    supervisor = await world.api(SUPERVISOR)
    contact = (await supervisor.get(f"contacts/{reference}", reason="sandbox"))["contact"]
    return await world.api(contact["handler"] or contact["owner"] or SUPERVISOR)


def _target(target: str) -> dict[str, str]:
    """A handler's name, an extension or a telephone number, whichever it looks like. Raises ApiError for no name."""
    names = sorted(account.id for account in demo.ACCOUNTS)
    if target in names:
        return {"handler": target}
    if any(map(str.isalpha, target)):
        raise ApiError(400, f"there is no handler {target}; there are: {', '.join(names)}")
    return {"extension": target} if re.fullmatch(r"[0-9]{2,6}", target) else {"number": target}
