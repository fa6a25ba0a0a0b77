"""Who is there when: each post's shifts, by its team's rota."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import time, timedelta
from random import Random

from gateway.simulate.scenario import OFF, Scenario, Team
from routing.board import Board
from routing.coverage import nobody_at_all
from routing.model import Handler
from routing.shifts import Shift, span


def handlers(scenario: Scenario) -> list[Handler]:
    """One for each post, with a phone of their own."""
    return [
        Handler(
            id=_name(team, post),
            name=_name(team, post),
            centre=team.centre,
            skills=frozenset(team.skills),
            extension=f"{number}{post:04}",
            text_capacity=team.text_capacity,
            email_capacity=team.email_capacity,
        )
        for number, team in enumerate(scenario.teams, start=1)
        for post in range(team.posts)
    ]


def unserved(scenario: Scenario) -> list[str]:
    """One sentence for each demand that no handler who ever comes could serve."""
    come = {team.id for team in scenario.teams if (not team.rota or set(team.rota) != {OFF}) and team.absent < 1}
    ever = [handler for handler in handlers(scenario) if handler.id.rpartition("-")[0] in come]
    board = Board.rebuilt(scenario.rules, (), ever, ())
    found = [(demand, nobody_at_all(board, demand.queue, demand.channel)) for demand in scenario.demand]
    said = "{lacking}: nobody ever takes what '{one.id}' brings to queue '{one.queue}'"
    return [said.format(one=one, lacking=lacking) for one, lacking in found if lacking]


def duties(scenario: Scenario, chance: Random) -> Iterator[Shift]:
    """All that begin before the scenario ends, in the order in which they begin; first who is on duty at its start."""
    always = [t for t in scenario.teams if not t.rota]
    yield from (Shift(scenario.begins, math.inf, _name(t, post)) for t in always for post in range(t.posts))
    for day in range(-1, math.ceil(scenario.days) + 1):
        today = sorted(_of_day(scenario, day, chance), key=lambda duty: (duty.begins, duty.handler))
        yield from (d for d in today if d.ends > scenario.begins and d.begins < scenario.ends)


def _of_day(scenario: Scenario, day: int, chance: Random) -> Iterator[Shift]:
    hours = {shift.id: (shift.begins, shift.ends) for shift in scenario.shifts}
    times = {name: _times(scenario, day, *between) for name, between in hours.items()}
    for team in scenario.teams:
        for post in range(team.posts) if team.rota else ():
            shift = team.rota[(day + post * len(team.rota) // team.posts) % len(team.rota)]
            if shift == OFF or chance.random() < team.absent:
                continue
            begins, ends = times[shift]
            yield Shift(max(begins, scenario.begins), ends, _name(team, post))


def _times(scenario: Scenario, day: int, begins: time, ends: time) -> tuple[float, float]:
    return span(scenario.start + timedelta(days=day), begins, ends, scenario.zone)


def _name(team: Team, post: int) -> str:
    return f"{team.id}-{post + 1}"
