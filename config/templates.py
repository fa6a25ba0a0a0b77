"""Words that a site has prepared: templates with variables and languages, and which one acknowledges what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from string import Formatter
from typing import Annotated, Literal

from pydantic import Field, field_validator

from config.safety import Safety
from config.section import Identifier, Language, Section

# What carriers take as one text, in characters, in however many parts it travels.
LONGEST_TEXT = 1600
# What is filled in by itself; everything else in braces is asked of the handler.
KNOWN = ("reference", "queue", "name", "our_address")


class Template(Section):
    """``neutral``: its words do not tell who writes; checked against ``safety.words_to_avoid``."""

    id: Identifier
    name: str
    neutral: bool = False
    texts: Annotated[dict[Language, Annotated[str, Field(min_length=1)]], Field(min_length=1)]

    @field_validator("texts")
    @classmethod
    def _plain_variables(cls, texts: dict[str, str]) -> dict[str, str]:
        for language, text in texts.items():
            try:
                strange = [name for name in variables(text) if not name.isidentifier()]
            except ValueError as error:
                raise ValueError(f"{language}: {error}; write a brace as {{{{ or }}}}") from None
            if not text.strip():
                raise ValueError(f"{language}: has no words; write what is to be sent")
            if strange:
                raise ValueError(f"{language}: '{{{strange[0]}}}' is no variable; write a word such as {{reference}}")
        return texts

    @property
    def asked(self) -> tuple[str, ...]:
        """The variables that a handler must give."""
        names = (name for text in self.texts.values() for name in variables(text))
        return tuple(dict.fromkeys(name for name in names if name not in KNOWN))

    def text(self, language: str) -> str:
        """In this language, or in the template's first."""
        return self.texts.get(language) or next(iter(self.texts.values()))


class Acknowledgement(Section):
    """The first that fits is sent: by queue, by whether a calendar is open, by grade. '' fits everything."""

    template: Identifier
    queue: Identifier | Literal[""] = ""
    calendar: Identifier | Literal[""] = ""
    open: bool = True
    grade: Identifier | Literal[""] = ""


def variables(text: str) -> list[str]:
    """The names in braces. Raises ValueError where the braces do not match."""
    parts = list(Formatter().parse(text))
    return [
        f"{name}{'!' if conversion else ''}{':' if form else ''}"
        for _, name, form, conversion in parts
        if name is not None
    ]


def filled(text: str, values: Mapping[str, str]) -> str:
    """Raises KeyError with the name of the variable that has no value."""
    return Formatter().vformat(text, (), values)


def template_mistakes(
    templates: tuple[Template, ...],
    rules: tuple[Acknowledgement, ...],
    safety: Safety,
    known: Mapping[str, frozenset[str]],
    asks: Mapping[str, str],
    by_text: Collection[str] = (),
) -> Iterator[str]:
    """``known``: the ids of queues, calendars and grades by those names; ``asks``: the templates that other
    settings send, by key, '' for none. ``by_text``: the queues whose words leave by text, which has a longest."""
    by_id = {template.id: template for template in templates}
    for template in templates:
        for language, text in template.texts.items():
            if template.neutral and (word := safety.telling(text)):
                yield f"templates[{template.id}].texts.{language}: is neutral and says '{word}'"
    for number, rule in enumerate(rules, 1):
        uses = (
            ("queue", rule.queue, "queues"),
            ("calendar", rule.calendar, "calendars"),
            ("grade", rule.grade, "grades"),
        )
        for field, value, kind in uses:
            if value and value not in known[kind]:
                yield f"acknowledgements[{number}].{field}: there is no '{value}' among the {kind}"
        most = LONGEST_TEXT if by_text and rule.queue in ("", *by_text) else None
        yield from _by_itself(by_id.get(rule.template), f"acknowledgements[{number}].template", rule.template, most)
    for key, name in asks.items():
        if name:
            yield from _by_itself(by_id.get(name), key, name, LONGEST_TEXT if key.startswith("text.") else None)
    if safety.acknowledgement:
        heard = by_id.get(safety.acknowledgement)
        yield from _by_itself(heard, "safety.acknowledgement", safety.acknowledgement, LONGEST_TEXT)
        if heard is not None and not heard.neutral:
            yield f"safety.acknowledgement: the template '{heard.id}' is not neutral"


def _by_itself(template: Template | None, key: str, name: str, most: int | None) -> Iterator[str]:
    """What is sent without a handler has nobody to ask, and nobody to shorten it."""
    if template is None:
        yield f"{key}: there is no template '{name}'"
    elif template.asked:
        yield f"{key}: '{name}' has {{{template.asked[0]}}}, which only a handler could fill in"
    else:
        for language, text in template.texts.items():
            yield from _too_long(f"{key}: '{name}' in {language}", text, most)


def words_mistakes(key: str, text: str, most: int | None) -> Iterator[str]:
    """Of words that are sent without a handler, at most so many characters."""
    try:
        strange = [name for name in variables(text) if name not in KNOWN]
    except ValueError as error:
        yield f"{key}: {error}; write a brace as {{{{ or }}}}"
        return
    if strange:
        yield f"{key}: {{{strange[0]}}} would be sent as it stands; there are: {', '.join(f'{{{k}}}' for k in KNOWN)}"
    yield from _too_long(key, text, most)


def _too_long(key: str, text: str, most: int | None) -> Iterator[str]:
    if most is not None and len(text) > most:
        yield f"{key}: has {len(text):,} characters, and no carrier takes a text of more than {most:,}"
