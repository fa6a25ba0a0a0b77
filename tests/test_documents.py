"""What the documents name is there: files, headings, commands with their options, settings, addresses of the API."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import click
import pytest

from config.load import DEFAULT, load
from config.section import Section
from config.settings import Settings
from gateway.api.application import ROUTES
from gateway.cli import main

REPOSITORY = Path(__file__).parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
SHORT = {"sandbox": (), "desk": ("sandbox",), "phone": ("sandbox",)}  # what the pages leave out before these
ELSEWHERE = {"sandbox.toml", "gateway.toml", "answer_tone.wav"}  # made by a run or a site
FILE = re.compile(r"[\w./-]*\w\.(?:py|toml|md|tsv|txt|cfg|msg|svg|service)")
UNITS = {"s": 1, "min": 60, "h": 1}  # hours are settings in hours


@dataclass(frozen=True)
class Code:
    """Something that stands in code letters."""

    page: Path
    line: int
    text: str
    block: bool

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}: {self.text}"


def code() -> Iterator[Code]:
    for page in PAGES:
        block = False
        for number, line in enumerate(page.read_text().splitlines(), start=1):
            if line.startswith("```"):
                block = not block
            elif block:
                yield Code(page, number, line, block)
            else:
                yield from (Code(page, number, text, block) for text in re.findall(r"`([^`]+)`", line))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_its_heading(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", page.read_text()) if not link.startswith("http")]

    assert [link for link in links if not leads_somewhere(page, link)] == []


def test_every_file_named_is_in_the_repository() -> None:
    tracked = subprocess.run(["git", "ls-files"], check=True, cwd=REPOSITORY, capture_output=True, text=True).stdout
    files = "".join(f"/{name}\n" for name in tracked.splitlines())
    named = [one for one in code() if not one.block and FILE.fullmatch(one.text)]

    assert len(named) > 100
    assert [str(one) for one in named if f"/{one.text}\n" not in files and Path(one.text).name not in ELSEWHERE] == []


def test_every_command_has_the_options_and_choices_that_are_shown() -> None:
    shown = [(one, words) for one in code() if (words := words_of(one))]

    assert len(shown) > 200
    assert [f"{one}: {wrong}" for one, words in shown if (wrong := mistake(main, words))] == []


def test_every_setting_named_is_one() -> None:
    named = [
        (one, match[0]) for one in code() if not one.block and (match := re.match(r"[a-z_]+(\.[a-z_]+)+", one.text))
    ]
    settings = [(one, key) for one, key in named if key.split(".")[0] in Settings.model_fields]
    tables = [(one, match[1]) for one in code() if (match := re.fullmatch(r"\[{1,2}([a-z_.]+)\]{1,2}.*", one.text))]
    known = [(one, key) for one, key in (*settings, *tables) if key.split(".")[0] in Settings.model_fields]

    assert len(known) > 50
    assert [str(one) for one, key in known if not is_setting(key) and not is_file(key)] == []


@pytest.mark.parametrize(
    ("page", "number", "unit", "key"),
    [
        (page.name, *found)
        for page in PAGES
        for found in re.findall(r"\((\d+) (s|min|h), `routing\.(\w+)`\)", page.read_text())
    ],
)
def test_a_default_in_brackets_is_the_default(
    page: str, number: str, unit: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_PHONE_SECRET", "0123456789abcdef0123456789abcdef")

    assert getattr(load(DEFAULT).routing, key) == int(number) * UNITS[unit]


def test_every_address_of_the_api_is_served() -> None:
    asked = [
        (one, method, path)
        for one in code()
        for method, path in re.findall(r"(?:(GET|POST|PUT|DELETE),? )?/?((?:api/v1|contacts)/[^\s?'\"]+)", one.text)
    ]

    assert len(asked) > 20
    assert [str(one) for one, method, path in asked if not is_served(method, path)] == []


# --- steps ---------------------------------------------------------------------------------------------------


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = (page.parent / path) if path else page
    return target.exists() and (not heading or heading in headings(target))


@cache
def headings(page: Path) -> frozenset[str]:
    """The anchors that are made of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)


def words_of(one: Code) -> list[str]:
    """What stands after ``contact-gateway``; [] if it is no command of ours."""
    text = one.text.split(" #")[0].strip()
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    for place, word in enumerate(words):
        if Path(word).name == "contact-gateway" and one.text.strip().startswith((word, "env ")):
            return words[place + 1 :]
    if one.block or not words or len(words) == 1:
        return []
    if words[0] in SHORT:
        return [*SHORT[words[0]], *words]
    return words if words[0] in main.list_commands(click.Context(main)) else []


def mistake(command: click.Command, words: list[str]) -> str:
    """Why this cannot be typed; '' if it can. A page may leave out arguments."""
    words = [word for word in words if word != "..."]
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        following = command.get_command(click.Context(command), words[0])
        return mistake(following, words[1:]) if following else f"there is no {words[0]}"
    options = {
        name: option
        for option in command.params
        if isinstance(option, click.Option)
        for name in (*option.opts, *option.secondary_opts)
    }
    given: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            given.append(word)
        elif word != "--help" and word not in options:
            return f"there is no option {word}"
        elif word != "--help" and not options[word].is_flag:
            next(rest, None)
    arguments = [argument for argument in command.params if isinstance(argument, click.Argument)]
    for argument, word in zip(arguments, given, strict=False):
        choices = getattr(argument.type, "choices", ())
        if choices and word not in choices and word != word.upper():
            return f"there is no choice {word}"
    return ""


def is_setting(key: str) -> bool:
    kinds: list[type[Section]] = [Settings]
    for name in key.split("."):
        below = [kind.model_fields[name].annotation for kind in kinds if name in kind.model_fields]
        if not below:
            return False
        kinds = [section for annotation in below for section in sections(annotation)] or kinds
    return True


def is_file(name: str) -> bool:
    """Of ours, or the database's; or a module, by its dotted name."""
    module = REPOSITORY.joinpath(*name.split(".")[:2])
    return name == "gateway.db" or FILE.fullmatch(name) is not None or module.with_suffix(".py").exists()


def sections(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for part in get_args(annotation) for section in sections(part)]


def is_served(method: str, path: str) -> bool:
    wanted = f"/api/v1/{path.removeprefix('api/v1/')}".rstrip("/.,").split("/")
    return any(
        (not method or route.method == method) and fits(route.path.split("/"), wanted)
        for route in ROUTES
        if path != "api/v1/openapi.json"
    )


def fits(route: list[str], wanted: list[str]) -> bool:
    """Also the beginning of an address, as in "everything below contacts/REF/call"."""
    same = [there == here or there.startswith("{") for there, here in zip(route, wanted, strict=False)]
    return all(same) and len(wanted) <= len(route)
