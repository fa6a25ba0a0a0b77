"""Parts of the sandbox that somebody kills and starts again, to see what becomes of the callers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from gateway.sandbox.client import ApiError
from gateway.sandbox.world import World

Act = Callable[[World], Awaitable[object]]
Start = Callable[[World], Awaitable[str | None]]  # what is wrong nevertheless
Told = Callable[[World], Awaitable[str]]
CONFLICT = 409
OUTSIDE_SECONDS = 5.0  # a gateway that serves has for whatever is around it; then it is said to run all the same


@dataclass(frozen=True, slots=True)
class Part:
    """``words`` name it; ``killed`` and ``started`` say what that means. ``{wait:g}``: seconds until fallback plans."""

    words: str
    runs: Callable[[World], bool]
    kill: Act
    killed: str
    start: Start
    started: str

    async def do_kill(self, world: World) -> str:
        if not self.runs(world):
            raise ApiError(CONFLICT, f"{self.words} is not running")
        await self.kill(world)
        return self.killed.format(wait=world.settings.voice.fallback_seconds)

    async def do_start(self, world: World) -> str:
        if self.runs(world):
            raise ApiError(CONFLICT, f"{self.words} is running")
        wrong = await self.start(world)
        return f"{self.started} Not well yet: {wrong}." if wrong else self.started


async def _kill_call(world: World) -> str:
    if not any(process.legs for process in world.call_processes().values()):
        raise ApiError(CONFLICT, "no call is under way")
    slot = world.kill_call_process()
    return f"The call process in slot {slot} is dead: its lines are released, and its caller is called back."


PARTS: Mapping[str, Part] = {
    "gateway": Part(
        "the gateway",
        lambda world: world.gateway.running,
        lambda world: world.kill_gateway(),
        "The gateway is dead. Calls go on; in {wait:g} s whoever waits is passed to the control room.",
        lambda world: world.start_gateway(OUTSIDE_SECONDS),
        "The gateway runs; it has taken up the calls that are under way.",
    ),
    "edge": Part(
        "the SIP edge",
        lambda world: world.kamailio.pid is not None,
        lambda world: world.kamailio.kill(),
        "The SIP edge is dead: nobody can call, and whoever talks goes on talking.",
        lambda world: world.kamailio.start(),
        "The SIP edge is back; telephones register again by themselves.",
    ),
    "trunk": Part(
        "the trunk",
        lambda world: not world.public.ended,
        lambda world: world.kill_trunk(),
        "The first trunk is dead: calls to the public go by the second, after 2 s.",
        lambda world: world.start_trunk(),
        "The first trunk is back; it is used again as soon as it has answered the edge's question.",
    ),
    "carrier": Part(
        "the first text carrier",
        lambda world: world.carrier.answers,
        lambda world: world.carrier.close(),
        "The first text carrier refuses every connection: what we send by it waits. It still brings texts.",
        lambda world: world.carrier.open(),
        "The first text carrier is back; what waits is sent at its next try.",
    ),
    "mailboxes": Part(
        "the mail server",
        lambda world: world.dovecot.running,
        lambda world: world.dovecot.stop(kindly=False),
        "The mail server with our mailboxes is dead: no mail comes, and the gateway says so.",
        lambda world: world.dovecot.start(),
        "The mail server is back; the gateway reads on where it was.",
    ),
    "mail-out": Part(
        "the server that takes our mail",
        lambda world: world.smtp.running,
        lambda world: world.smtp.stop(),
        "The server that takes our mail is dead: what we send waits in the outbox.",
        lambda world: world.smtp.start(),
        "The server that takes our mail is back; what waits is sent at its next try.",
    ),
}
# Each says in a sentence what was done. A call's process is not started again: the next call has a fresh one.
KILLS: Mapping[str, Told] = {name: part.do_kill for name, part in PARTS.items()} | {"call": _kill_call}
STARTS: Mapping[str, Told] = {name: part.do_start for name, part in PARTS.items()}
