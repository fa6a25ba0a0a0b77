"""What becomes of our mailboxes in the sandbox, seen from their mail server: what lies in them, and what goes wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.sandbox.site import secret
from gateway.sandbox.world import World

Values = dict[str, Any]


def shown(world: World) -> list[Values]:
    """Each mailbox with how many messages lie in each of its folders."""
    addresses = [mailbox.address for mailbox in world.settings.email.mailboxes]
    return [{"address": address, "folders": world.dovecot.folders(address)} for address in addresses]


async def _renumbered(world: World) -> str:
    await world.dovecot.stop()
    for address in world.dovecot.users:
        world.dovecot.forget_uids(address)
    await world.dovecot.start()
    return "Every message has another UID now, as after a mailbox was restored: none of them is new to us."


async def _refused(world: World) -> str:
    if world.tokens:
        world.tokens.expire()
    await world.dovecot.stop()
    world.dovecot.let_in(dict.fromkeys(world.dovecot.users, "another"))
    await world.dovecot.start()
    return "Our passwords and tokens hold no more: the supervisors are alarmed, and mail waits in the mailboxes."


async def _let_in(world: World) -> str:
    if world.tokens:
        world.tokens.renew()
    await world.dovecot.stop()
    world.dovecot.let_in(dict.fromkeys(world.dovecot.users, secret(world.directory, "mailbox")))
    await world.dovecot.start()
    return "We are let in again: what has come meanwhile is read."


# Each says in a sentence what was done.
MANNERS: Mapping[str, Callable[[World], Awaitable[str]]] = {
    "renumber": _renumbered,
    "refuse": _refused,
    "let-in": _let_in,
}
