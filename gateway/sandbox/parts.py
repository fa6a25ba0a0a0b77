"""Parts of the sandbox that somebody kills and starts again, to see what becomes of the callers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from gateway.sandbox.client import ApiError
from gateway.sandbox.world import World

Act = Callable[[World], Awaitable[str]]
CONFLICT = 409


async def _kill_gateway(world: World) -> str:
    if not world.gateway.running:
        raise ApiError(CONFLICT, "the gateway is not running")
    await world.kill_gateway()
    wait = world.settings.voice.fallback_seconds
    return f"The gateway is dead. Calls go on; in {wait:g} s whoever waits is passed to the control room."


async def _start_gateway(world: World) -> str:
    if world.gateway.running:
        raise ApiError(CONFLICT, "the gateway is running")
    await world.start_gateway()
    return "The gateway is ready; it has taken up the calls that are under way."


async def _kill_call(world: World) -> str:
    if not any(process.legs for process in world.call_processes().values()):
        raise ApiError(CONFLICT, "no call is under way")
    slot = world.kill_call_process()
    return f"The call process in slot {slot} is dead: its lines are released, and its caller is called back."


async def _kill_edge(world: World) -> str:
    if world.kamailio.pid is None:
        raise ApiError(CONFLICT, "the SIP edge is not running")
    await world.kamailio.kill()
    return "The SIP edge is dead: nobody can call, and whoever talks goes on talking."


async def _start_edge(world: World) -> str:
    if world.kamailio.pid is not None:
        raise ApiError(CONFLICT, "the SIP edge is running")
    await world.kamailio.start()
    return "The SIP edge is back; telephones register again by themselves."


async def _kill_trunk(world: World) -> str:
    if world.public.ended:
        raise ApiError(CONFLICT, "the trunk is not running")
    await world.kill_trunk()
    return "The first trunk is dead: calls to the public go by the second, after 2 s."


async def _start_trunk(world: World) -> str:
    if not world.public.ended:
        raise ApiError(CONFLICT, "the trunk is running")
    await world.start_trunk()
    return "The first trunk is back; it is used again as soon as it has answered the edge's question."


async def _kill_carrier(world: World) -> str:
    if not world.carrier.answers:
        raise ApiError(CONFLICT, "the first text carrier is not running")
    await world.carrier.close()
    return "The first text carrier refuses every connection: what we send by it waits. It still brings texts."


async def _start_carrier(world: World) -> str:
    if world.carrier.answers:
        raise ApiError(CONFLICT, "the first text carrier is running")
    await world.carrier.open()
    return "The first text carrier is back; what waits is sent at its next try."


async def _kill_mailboxes(world: World) -> str:
    if not world.dovecot.running:
        raise ApiError(CONFLICT, "the mail server is not running")
    await world.dovecot.stop(kindly=False)
    return "The mail server with our mailboxes is dead: no mail comes, and the gateway says so."


async def _start_mailboxes(world: World) -> str:
    if world.dovecot.running:
        raise ApiError(CONFLICT, "the mail server is running")
    await world.dovecot.start()
    return "The mail server is back; the gateway reads on where it was."


async def _kill_mail_out(world: World) -> str:
    if not world.smtp.running:
        raise ApiError(CONFLICT, "the server that takes our mail is not running")
    await world.smtp.stop()
    return "The server that takes our mail is dead: what we send waits in the outbox."


async def _start_mail_out(world: World) -> str:
    if world.smtp.running:
        raise ApiError(CONFLICT, "the server that takes our mail is running")
    await world.smtp.start()
    return "The server that takes our mail is back; what waits is sent at its next try."


# Each says in a sentence what was done.
KILLS: Mapping[str, Act] = {
    "gateway": _kill_gateway,
    "call": _kill_call,
    "edge": _kill_edge,
    "trunk": _kill_trunk,
    "carrier": _kill_carrier,
    "mailboxes": _kill_mailboxes,
    "mail-out": _kill_mail_out,
}
STARTS: Mapping[str, Act] = {
    "gateway": _start_gateway,
    "edge": _start_edge,
    "trunk": _start_trunk,
    "carrier": _start_carrier,
    "mailboxes": _start_mailboxes,
    "mail-out": _start_mail_out,
}
