"""Where a caller is led: numbers, keypad menus, destinations, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Annotated

from pydantic import Field, model_validator

from config.numbers import Dialling, dialling_mistakes, never_dialled
from config.section import Identifier, Language, Number, Section

Digits = Annotated[str, Field(pattern=r"^[0-9*#]{1,4}$")]
Extension = Annotated[str, Field(pattern=r"^[0-9]{2,6}$")]  # as the edge knows a telephone
# A queue's id begins with a letter, so the two cannot be taken for each other.
VoicemailOf = Annotated[str, Field(pattern=r"^([a-z][a-z0-9_-]{0,40}|[0-9]{1,10})$")]
KINDS = ("queue", "menu", "extension", "voicemail", "message", "number")


class Destination(Section):
    """One place to lead a caller to; ``then`` follows a message, after which the call otherwise ends politely."""

    queue: Identifier | None = None
    menu: Identifier | None = None
    extension: Extension | None = None
    voicemail: VoicemailOf | None = None
    message: Identifier | None = None
    number: Number | None = None
    then: Destination | None = None

    @model_validator(mode="after")
    def _one(self) -> Destination:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise ValueError(f"must be exactly one of {', '.join(KINDS)}")
        if self.then and self.message is None:
            raise ValueError("'then' can only follow a message")
        return self

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


class Option(Section):
    """What a key does: leads somewhere, in another language if one is named; no ``to`` says this menu again in it."""

    digits: Digits
    to: Destination | None = None
    language: Language | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Option:
        if not self.to and not self.language:
            raise ValueError("must have 'to' or 'language'")
        return self


class Menu(Section):
    id: Identifier
    prompt: Identifier
    options: Annotated[tuple[Option, ...], Field(min_length=1)]
    on_nothing: Destination
    on_wrong: Destination
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    repeats: Annotated[int, Field(ge=0, le=5)] = 2
    barge_in: bool = True


class Hours(Section):
    """Where a number leads while a calendar is open or closed; the next rule decides where neither is given."""

    calendar: Identifier
    open: Destination | None = None
    closed: Destination | None = None

    @model_validator(mode="after")
    def _decides_something(self) -> Hours:
        if not self.open and not self.closed:
            raise ValueError("must have 'open' or 'closed'")
        return self


class VoiceNumber(Section):
    """One of our telephone numbers, and where its callers are led: the first rule of ``hours`` that says so, then
    ``to``, then ``queue``, in which their contact is opened in any case."""

    number: Number
    queue: Identifier
    hours: tuple[Hours, ...] = ()
    to: Destination | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """The names that menus and numbers may use, and what may be dialled."""

    queues: frozenset[str]
    menus: Mapping[str, Menu]
    calendars: frozenset[str]
    prompts: frozenset[str]
    languages: frozenset[str]
    dialling: Dialling


def destination_mistakes(key: str, destination: Destination, known: Known) -> Iterator[str]:
    """Names that there are not, and numbers that nobody may call, in ``destination`` and what follows it; each line
    begins with its key."""
    kind = destination.kind
    name = getattr(destination, kind)
    if kind == "message" and name not in known.prompts:
        yield f"{key}.message: no words for '{name}'; add them to prompts.texts"
    names = {"queue": known.queues, "menu": frozenset(known.menus), "voicemail": known.queues}.get(kind)
    if names is not None and name not in names and not name.isdigit():
        sort = "menu" if kind == "menu" else "queue"
        yield f"{key}.{kind}: no {sort} '{name}'; there are: {', '.join(sorted(names)) or 'none'}"
    if kind == "extension":
        yield from never_dialled(f"{key}.{kind}", name, known.dialling)
    if kind == "number":
        yield from dialling_mistakes(f"{key}.{kind}", name, known.dialling)
    if destination.then:
        yield from destination_mistakes(f"{key}.then", destination.then, known)


def menu_mistakes(menu: Menu, known: Known, emergency_digits: str) -> Iterator[str]:
    """What is wrong with one menu; each line begins with its key."""
    key = f"menus[{menu.id}]"
    if menu.prompt not in known.prompts:
        yield f"{key}.prompt: no words for '{menu.prompt}'; add them to prompts.texts"
    for option in menu.options:
        if option.to:
            yield from destination_mistakes(f"{key}.options[{option.digits}].to", option.to, known)
        if option.language and option.language not in known.languages:
            there = ", ".join(sorted(known.languages))
            yield f"{key}.options[{option.digits}].language: no language '{option.language}'; there are: {there}"
    yield from _digit_mistakes(key, menu, emergency_digits)
    for name, destination in (("on_nothing", menu.on_nothing), ("on_wrong", menu.on_wrong)):
        yield from destination_mistakes(f"{key}.{name}", destination, known)
        if loop := _loop(menu, name, known.menus):
            yield (
                f"{key}.{name}: never ends: {' > '.join(loop)}; "
                "one of them must lead to a queue, extension, voicemail, number or last message"
            )


def number_mistakes(number: VoiceNumber, known: Known) -> Iterator[str]:
    """What is wrong with where one number leads; each line begins with its key."""
    key = f"voice.numbers[{number.number}]"
    for rule in number.hours:
        if rule.calendar not in known.calendars:
            there = ", ".join(sorted(known.calendars)) or "none"
            yield f"{key}.hours: no calendar '{rule.calendar}'; there are: {there}"
        for name, destination in (("open", rule.open), ("closed", rule.closed)):
            if destination:
                yield from destination_mistakes(f"{key}.hours[{rule.calendar}].{name}", destination, known)
    if number.to:
        yield from destination_mistakes(f"{key}.to", number.to, known)


def _digit_mistakes(key: str, menu: Menu, emergency_digits: str) -> Iterator[str]:
    digits = [option.digits for option in menu.options]
    for name in sorted({d for d in digits if digits.count(d) > 1}):
        yield f"{key}.options: '{name}' stands there twice; each must be unique"
    for short, long in permutations(sorted(set(digits)), 2):
        if long.startswith(short):
            yield f"{key}.options[{long}].digits: can never be keyed, because {short} is an option already"
    for name in digits:
        # The first key of an emergency would lead away, or the emergency would always come before the option.
        if emergency_digits.startswith(name) or emergency_digits in name:
            yield (
                f"{key}.options[{name}].digits: gets in the way of the emergency digits {emergency_digits}, "
                "which always win; take others"
            )


def _loop(menu: Menu, way: str, menus: Mapping[str, Menu]) -> list[str]:
    """The menus that a caller goes round for ever who always does the same; none when they come out."""
    seen = [menu.id]
    while True:
        destination: Destination | None = getattr(menus[seen[-1]], way)
        while destination and destination.then:
            destination = destination.then
        name = destination.menu if destination else None
        if name is None or name not in menus:
            return []
        if name in seen:
            return [*seen, name]
        seen.append(name)
