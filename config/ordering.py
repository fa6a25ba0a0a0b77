"""Who is served sooner, and what a contact needs of a handler for a while only."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.section import Language, Section

# A skill with its level from 1 to 9: ``french:2`` is met by a handler with ``french:2`` or more.
SKILL = r"^[a-z][a-z0-9_-]{0,40}(:[1-9])?$"
Skill = Annotated[str, Field(pattern=SKILL)]
HOUR, DAY = 3_600.0, 86_400.0


class Bump(Section):
    """How much sooner somebody is due: so many seconds ahead, and at the latest so long after they began to wait.

    Both are limited, so that nobody else can wait for ever behind those who are bumped.
    """

    ahead_seconds: Annotated[float, Field(ge=0, le=DAY)] = 0.0
    due_within_seconds: Annotated[float, Field(ge=1, le=7 * DAY)] | None = None


class Bumps(Section):
    """``vulnerable``: marked so by a handler. ``repeat``: so many contacts within so many hours. ``cut_off``: the
    call broke, and they call again."""

    vulnerable: Bump = Bump()
    repeat: Bump = Bump()
    cut_off: Bump = Bump()
    repeat_contacts: Annotated[int, Field(ge=2, le=100)] = 3
    repeat_hours: Annotated[float, Field(gt=0, le=72)] = 24.0


class Wanted(Section):
    """A skill that is insisted on only for the first ``for_seconds`` of the wait."""

    skill: Skill
    for_seconds: Annotated[float, Field(gt=0, le=DAY)]


class LanguageSkill(Section):
    """Whoever speaks this language with us is given to a handler with that skill, for a while."""

    language: Language
    skill: Skill
    for_seconds: Annotated[float, Field(gt=0, le=DAY)]


ChooseBy = Literal["longest_idle", "least_occupied", "round_robin"]
