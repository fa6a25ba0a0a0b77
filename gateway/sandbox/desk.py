"""What the handler of a contact, or the supervisor, does at a desk during a call; for the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.sandbox import demo
from gateway.sandbox.client import ApiError
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
    supervisor = await world.api(SUPERVISOR)
    name = SUPERVISOR
    if not wanted.by_supervisor:
        contact = (await supervisor.get(f"contacts/{reference}", reason="sandbox"))["contact"]
        name = contact["handler"] or contact["owner"] or SUPERVISOR
    client = await world.api(name)
    await client.request(wanted.method, f"contacts/{reference}/{wanted.path}", wanted.body(target))


def _target(target: str) -> dict[str, str]:
    """A handler's name, an extension or a telephone number, whichever it looks like."""
    if target in {account.id for account in demo.ACCOUNTS}:
        return {"handler": target}
    return {"extension": target} if re.fullmatch(r"[0-9]{2,6}", target) else {"number": target}
