"""Where those who wait in a queue go when it cannot serve them, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.menus import VoicemailOf
from config.numbers import Dialling, dialling_mistakes
from config.section import Identifier, Number, Seconds, Section

Cause = Literal["closed", "nobody_on_duty", "full", "longest_wait"]
StepKind = Literal["queue", "callback", "voicemail", "number", "stay"]
CAUSES: tuple[Cause, ...] = ("closed", "nobody_on_duty", "full", "longest_wait")
STEP_KINDS: tuple[StepKind, ...] = ("queue", "callback", "voicemail", "number", "stay")
LAST: tuple[StepKind, ...] = ("voicemail", "stay")  # always possible
STAY_PROMPT = "overflow_stay"


class Step(Section):
    """One place to go to; ``stay``: the caller waits on and hears this prompt."""

    queue: Identifier | None = None
    callback: Literal[True] | None = None
    voicemail: VoicemailOf | None = None
    number: Number | None = None
    stay: Identifier | None = None

    @model_validator(mode="after")
    def _one(self) -> Step:
        if sum(getattr(self, kind) is not None for kind in STEP_KINDS) != 1:
            raise ValueError(f"must be exactly one of {', '.join(STEP_KINDS)}")
        return self

    @property
    def kind(self) -> StepKind:
        return next(kind for kind in STEP_KINDS if getattr(self, kind) is not None)

    @property
    def target(self) -> str:
        """The queue, number, voicemail or prompt; '' for a call back."""
        return next(filter(None, (self.queue, self.voicemail, self.number, self.stay)), "")


class Overflow(Section):
    """For each cause the steps in order; one that is impossible now is skipped."""

    closed: tuple[Step, ...] = ()
    nobody_on_duty: tuple[Step, ...] = ()
    full: tuple[Step, ...] = ()
    longest_wait: tuple[Step, ...] = ()

    def steps(self, cause: Cause) -> tuple[Step, ...]:
        """With the last one that every chain has, so that nobody is left without a place: to wait on. () for none."""
        given: tuple[Step, ...] = getattr(self, cause)
        if not given or given[-1].kind in LAST:
            return given
        return (*given, Step(stay=STAY_PROMPT))


class Limits(Section):
    """When a queue cannot serve who comes, and where they go then; 0 is no limit, no calendar is always open."""

    calendar: Identifier | None = None
    most_waiting: Annotated[int, Field(ge=0)] = 0
    longest_wait_seconds: Seconds = 0.0
    overflow: Overflow = Overflow()


def overflow_mistakes(
    queues: Mapping[str, Limits],
    calendars: Sequence[str],
    prompts: frozenset[str],
    dialling: Dialling,
) -> Iterator[str]:
    """What is wrong; each line begins with its key."""
    for name, queue in queues.items():
        yield from _condition_mistakes(f"queues[{name}]", queue, calendars)
        for cause in CAUSES:
            key = f"queues[{name}].overflow.{cause}"
            yield from _step_mistakes(key, getattr(queue.overflow, cause), queues, prompts, dialling)
        if loop := _loop(name, queues):
            yield (
                f"queues[{name}].overflow: never ends: {' > '.join(loop)}; "
                "one of them must lead to voicemail, to a number, to a call back, or stay"
            )


def _condition_mistakes(key: str, queue: Limits, calendars: Sequence[str]) -> Iterator[str]:
    if queue.calendar and queue.calendar not in calendars:
        yield f"{key}.calendar: no calendar '{queue.calendar}'; there are: {', '.join(calendars) or 'none'}"
    conditions: tuple[tuple[str, Cause], ...] = (
        ("calendar", "closed"),
        ("most_waiting", "full"),
        ("longest_wait_seconds", "longest_wait"),
    )
    for condition, cause in conditions:
        limited, led = bool(getattr(queue, condition)), bool(getattr(queue.overflow, cause))
        if led and not limited:
            yield f"{key}.overflow.{cause}: never happens; set {key}.{condition}"
        if limited and not led:
            yield f"{key}.{condition}: leads nowhere; give the steps in {key}.overflow.{cause}"


def _step_mistakes(
    key: str,
    steps: Sequence[Step],
    queues: Mapping[str, Limits],
    prompts: frozenset[str],
    dialling: Dialling,
) -> Iterator[str]:
    for place, step in enumerate(steps):
        at = f"{key}[{place}].{step.kind}"
        if step.kind in ("queue", "voicemail") and step.target not in queues and not step.target.isdigit():
            yield f"{at}: no queue '{step.target}'; there are: {', '.join(sorted(queues))}"
        if step.kind == "stay" and step.target not in prompts:
            yield f"{at}: no words for '{step.target}'; add them to prompts.texts"
        if step.kind == "number":
            yield from dialling_mistakes(at, step.target, dialling)
        if step.kind in LAST and place < len(steps) - 1:
            yield f"{at}: is always possible, so what stands behind it is never reached; put it last"


def _loop(name: str, queues: Mapping[str, Limits]) -> list[str]:
    """The shortest way from this queue back to itself; none when there is no such way."""
    ways = [[name]]
    seen: set[str] = set()
    for way in ways:
        for following in _next_queues(way[-1], queues):
            if following == name:
                return [*way, name]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def _next_queues(name: str, queues: Mapping[str, Limits]) -> list[str]:
    overflow = queues[name].overflow
    steps = [step for cause in CAUSES for step in overflow.steps(cause)]
    return [step.queue for step in steps if step.queue in queues and step.queue is not None]
