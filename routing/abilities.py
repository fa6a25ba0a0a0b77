"""What a contact needs of a handler, and what each handler can do, as sets that are compared.

A need is met when it is a subset of what the handler can do. ``french:2`` is met by French at level 2 and above,
``@fcc`` by whoever works in that centre, ``~ordinary`` by everyone who is not kept for emergencies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from config.ordering import LanguageSkill
from config.settings import Queue
from routing.model import Channel, Contact, Need, Reach

ORDINARY = "~ordinary"


def centre(name: str) -> str:
    return f"@{name}"


@lru_cache(maxsize=10_000)
def abilities(skills: frozenset[str], at: str, *, reserved: bool) -> frozenset[str]:
    """Everything that a handler with these skills, in the centre ``at``, can be asked for."""
    able = {centre(at)} if reserved else {centre(at), ORDINARY}
    for skill in skills:
        name, _, level = skill.partition(":")
        able.add(name)
        able.update(f"{name}:{lower}" for lower in range(1, int(level or 1) + 1))
    return frozenset(able)


@dataclass(frozen=True, slots=True)
class Step:
    """From ``after`` seconds of waiting on, only ``needed`` is insisted on, and we go as far as ``reach``."""

    after: float
    needed: frozenset[str]
    reach: Reach = Reach.ROOM


class Needs:
    """What each kind of contact needs, step by step as it waits. Worked out once for each kind.

    ``prefers``: by queue, what makes a handler the better choice without being needed. ``skills_seconds``: for how
    long an emergency insists on skills; ``wrap_up_seconds``: and leaves who is in wrap-up alone.
    """

    def __init__(
        self,
        queues: Mapping[str, Queue],
        languages: tuple[LanguageSkill, ...],
        skills_seconds: float,
        wrap_up_seconds: float,
    ) -> None:
        self._queues, self._skills_seconds, self._wrap_up_seconds = queues, skills_seconds, wrap_up_seconds
        self._languages = {one.language: one for one in languages}
        self._known: dict[tuple[str, str, bool], tuple[Step, ...]] = {}
        self._needs: dict[tuple[str, str, bool, int, Channel], Need] = {}
        self.prefers = {queue.id: frozenset(queue.prefers) for queue in queues.values()}

    def steps(self, queue: str, language: str, *, emergency: bool) -> tuple[Step, ...]:
        """At least one, which begins at 0 s; each needs less than the one before."""
        kind = (queue, language, emergency)
        if kind not in self._known:
            self._known[kind] = self._emergency(queue) if emergency else self._ordinary(queue, language)
        return self._known[kind]

    def need_of(self, contact: Contact) -> Need:
        """What this contact needs of a handler now."""
        load = contact.load
        kind = (contact.queue, contact.language, contact.emergency, contact.relaxed, load)
        need = self._needs.get(kind)
        if need is None:
            steps = self.steps(contact.queue, contact.language, emergency=contact.emergency)
            step = steps[min(contact.relaxed, len(steps) - 1)]
            need = self._needs[kind] = Need(load, step.needed, "", self.prefers[contact.queue], step.reach)
        return need._replace(only=contact.preferred) if contact.preferred else need

    def always(self, queue: str) -> frozenset[str]:
        """What is insisted on however long somebody waits."""
        return self.steps(queue, "", emergency=False)[-1].needed

    def _ordinary(self, queue: str, language: str) -> tuple[Step, ...]:
        rules, lasting = self._queues[queue], dict[str, float]()
        for one in rules.wanted:
            lasting[one.skill] = max(one.for_seconds, lasting.get(one.skill, 0.0))
        if rules.centre:
            lasting[centre(rules.centre)] = rules.other_centre_after_seconds
        if language in self._languages:
            spoken = self._languages[language]
            lasting[spoken.skill] = max(spoken.for_seconds, lasting.get(spoken.skill, 0.0))
        always = frozenset({*rules.skills, ORDINARY})
        times = sorted({0.0, *lasting.values()})
        return tuple(Step(at, always | {need for need, seconds in lasting.items() if seconds > at}) for at in times)

    def _emergency(self, queue: str) -> tuple[Step, ...]:
        """Nothing is insisted on for long: any handler can fetch help. And then who is in wrap-up can, too."""
        skills = frozenset(self._queues[queue].skills)
        over = self._skills_seconds if skills else 0.0
        times = sorted({0.0, over, self._wrap_up_seconds})
        return tuple(
            Step(at, skills if at < over else frozenset(), Reach(Reach.BEYOND + (at >= self._wrap_up_seconds)))
            for at in times
        )
