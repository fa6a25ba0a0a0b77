"""What a person does at one of the sandbox's telephones, for the command line and the page."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from gateway.sandbox import demo
from gateway.sandbox.client import ApiError
from gateway.sandbox.phone import Phone
from gateway.sandbox.world import World

ADMINISTRATOR = "ada"
Act = Callable[[World, Phone, str], Awaitable[None]]


def _uri(world: World, target: str) -> str:
    """A handler's name, an extension or a number, as it is keyed. '' for nobody."""
    keyed = {account.id: account.extension for account in demo.WITH_PHONE}.get(target, target)
    if target and not re.fullmatch(r"\+?[0-9]{2,15}", keyed):
        raise ApiError(400, f"'{target}' is no handler with a telephone, no extension and no number")
    return f"sip:{keyed}@{world.settings.edge.domain}" if keyed else ""


async def _answers_by_itself(world: World, phone: Phone, on: bool) -> None:
    account = next((a for a in demo.HANDLERS if a.id == phone.name), None)
    if account is None:
        raise ApiError(400, f"{phone.name} is no handler")
    administrator = await world.api(ADMINISTRATOR)
    await administrator.put(f"handlers/{account.id}", demo.body_of(replace(account, auto_answer=on)))


async def _dies(world: World, phone: Phone, target: str) -> None:
    """As a telephone whose battery is empty: no BYE, no sound, until the sandbox is started again."""
    phone.kill()


# ``transfer`` without a target passes the caller into the call that ``ask`` has begun.
PHONE_ACTS: Mapping[str, Act] = {
    "answer": lambda world, phone, target: phone.answer(),
    "refuse": lambda world, phone, target: phone.refuse(),
    "hang-up": lambda world, phone, target: phone.hang_up(),
    "hold": lambda world, phone, target: phone.hold(),
    "resume": lambda world, phone, target: phone.hold(on=False),
    "transfer": lambda world, phone, target: phone.transfer(_uri(world, target)),
    "ask": lambda world, phone, target: phone.ask(_uri(world, target)),
    "dies": _dies,
    "auto-answer": lambda world, phone, target: _answers_by_itself(world, phone, True),
    "by-hand": lambda world, phone, target: _answers_by_itself(world, phone, False),
}
