"""Queues that lead on who they cannot serve, and what was done of it."""

from __future__ import annotations

from typing import Any

from config.settings import Queue
from routing.commands import Command, LeadOn
from routing.model import PresenceState
from tests.support.world import World, of_kind, rules

HERE = PresenceState.AVAILABLE
AWAY = PresenceState.AWAY
GONE = PresenceState.OFFLINE
OUTSIDE = "+441632960200"
CHAIN = [{"queue": "general"}, {"callback": True}, {"number": OUTSIDE}, {"voicemail": "busy"}]


def queue(name: str = "busy", *skills: str, **overflow: Any) -> Queue:
    conditions = {k: overflow.pop(k) for k in list(overflow) if k in Queue.model_fields}
    more = {"id": name, "name": name, "target_seconds": 30, "skills": skills, "overflow": overflow}
    return Queue.model_validate(more | conditions)


def world_with(*queues: Queue) -> World:
    return World(rules(queues))


def led(commands: tuple[Command, ...]) -> list[tuple[str, str]]:
    return [(step.kind, step.target) for step in of_kind(LeadOn, commands)]


def why(commands: tuple[Command, ...]) -> str:
    (step,) = of_kind(LeadOn, commands)
    return step.why
