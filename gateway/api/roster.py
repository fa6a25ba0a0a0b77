"""Reads a roster: CSV with the header ``id,name,centre,skills,extension,role``; skills are separated by ';'. More
columns may follow: ``password``, and what a handler takes and how (``OPTIONS``). What a line leaves empty stays as it
is. Every mistake of every line is found at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from config.ordering import SKILL
from config.words import in_words
from gateway.api.csv_lines import NotCsv, csv_lines
from gateway.api.models import Line, Name, Password, RoleName
from gateway.api.problems import API_PATTERNS, FieldError

REQUIRED = ("id", "name", "centre", "skills", "extension", "role")
OPTIONS = ("text_capacity", "email_capacity", "auto_answer", "reserved")
COLUMNS = (*REQUIRED, "password", *OPTIONS)
MOST_BYTES = 1024 * 1024
MOST_LINES = 2000
EXTENSION = r"^([0-9]{2,6})?$"  # as the edge knows a telephone
Capacity = Annotated[int, Field(ge=0, le=20)]


def _given(text: str) -> str | None:
    return text.strip() or None


def _skills(text: str) -> list[str]:
    return [skill for part in text.split(";") if (skill := part.strip())]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Name
    name: Line
    centre: Line
    skills: Annotated[list[Annotated[str, StringConstraints(pattern=SKILL)]], BeforeValidator(_skills)]
    extension: Annotated[str, StringConstraints(strip_whitespace=True, pattern=EXTENSION)]
    role: Annotated[RoleName, BeforeValidator(lambda role: role or "handler")]
    password: Annotated[Password | None, BeforeValidator(lambda password: password or None)] = Field(
        default=None, repr=False
    )
    text_capacity: Annotated[Capacity | None, BeforeValidator(_given)] = None
    email_capacity: Annotated[Capacity | None, BeforeValidator(_given)] = None
    auto_answer: Annotated[bool | None, BeforeValidator(_given)] = None
    reserved: Annotated[bool | None, BeforeValidator(_given)] = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, which is right in itself. ``password`` is '' for none given; ``options`` are those that are given."""

    line: int
    id: str
    name: str
    centre: str
    skills: frozenset[str]
    extension: str
    role: RoleName
    password: str
    options: dict[str, Any] = field(default_factory=dict)


def read_roster(text: str) -> tuple[list[Entry], list[FieldError]]:
    """The right lines, and what is wrong with the others; a field is named ``line 7: extension``."""
    try:
        lines = [(line, row) for line, row in csv_lines(text) if row]
    except NotCsv as error:
        return [], [_mistake(error.line, "line", str(error))]
    header = lines[0][1] if lines else []
    if wrong := _header_mistake(header) or ("" if len(lines) - 1 <= MOST_LINES else f"at most {MOST_LINES} lines"):
        return [], [_mistake(1, "header", wrong)]
    entries: list[Entry] = []
    mistakes: list[FieldError] = []
    for line, row in lines[1:]:
        read = _entry(line, header, row)
        (entries.append(read) if isinstance(read, Entry) else mistakes.extend(read))
    once = {entry.id: entry for entry in reversed(entries)}
    doubled = [entry for entry in entries if once[entry.id] is not entry]
    mistakes += [_mistake(e.line, "id", f"'{e.id}' stands on line {once[e.id].line} already") for e in doubled]
    return [entry for entry in entries if once[entry.id] is entry], mistakes


def _header_mistake(header: list[str]) -> str:
    """'' for none."""
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    doubled = sorted({name for name in header if header.count(name) > 1})
    said = {"there is no column": missing, "there must not be a column": unknown, "these stand there twice:": doubled}
    wrong = "; ".join(f"{what} {', '.join(names)}" for what, names in said.items() if names)
    more = ", ".join(COLUMNS[len(REQUIRED) :])
    return wrong and f"{wrong}. The first line must be {','.join(REQUIRED)}; {more} may follow"


def _entry(line: int, header: list[str], row: list[str]) -> Entry | list[FieldError]:
    if len(row) != len(header):
        return [_mistake(line, "line", f"has {len(row)} columns, and the header {len(header)}")]
    try:
        right = _Row.model_validate(dict(zip(header, row, strict=True)))
    except ValidationError as error:
        wrong = error.errors(include_input=False)
        return [_mistake(line, str(e["loc"][0]), in_words(e, API_PATTERNS)) for e in wrong]
    options = {name: value for name in OPTIONS if (value := getattr(right, name)) is not None}
    return Entry(
        line, right.id, right.name, right.centre, frozenset(right.skills), right.extension, right.role,
        right.password or "", options,
    )  # fmt: skip


def _mistake(line: int, field: str, why: str) -> FieldError:
    return FieldError(field=f"line {line}: {field}", why=why)
