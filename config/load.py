"""Reads the configuration: the site's file over ``default.toml``, secrets resolved, all mistakes at once."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from config.hidden import hidden_behind, lines_of
from config.section import Section
from config.settings import Settings
from config.words import in_words

HERE = Path(__file__).parent
DEFAULT = HERE / "default.toml"
SANDBOX = HERE / "sandbox.toml"
SECRETS = frozenset(
    name
    for section in Section.__subclasses__()
    for name, f in section.model_fields.items()
    if f.annotation is SecretStr
)

Location = tuple[str, ...]
NAMES = ("id", "name", "number", "digits", "calendar", "language")  # what an entry of a list is known by
MISSING = "?"  # stands for a secret that is not there, which is a mistake already


class ConfigurationError(Exception):
    """What is wrong with the configuration, one line for each mistake: file, key, and what is allowed."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Source:
    path: Path
    values: dict[str, Any]


def load(path: Path | None = None, *, overlay: Mapping[str, Any] | None = None) -> Settings:
    """The settings of ``path`` over the defaults; ``overlay`` over both (used by the sandbox for its ports).

    Raises ConfigurationError with every mistake found.
    """
    sources = [_read(DEFAULT), *([_read(path)] if path else [])]
    merged: dict[str, Any] = {}
    for source in sources:
        merged = _merge(merged, source.values)
    merged = _merge(merged, dict(overlay or {}))
    missing: list[tuple[Location, str]] = []
    resolved = _with_secrets(merged, (), missing, enabled=_enabled(merged))
    mistakes = [_in_words(location, what, sources) for location, what in missing]
    try:
        settings = Settings.model_validate(resolved)
    except ValidationError as error:
        own = [e for e in error.errors() if not follows_from_another(e, error.errors())]
        names = {tuple(e["loc"]): ".".join(_named(tuple(map(str, e["loc"])), merged)) for e in own}
        hidden = hidden_behind(own, resolved, sources[0].values, names)
        found = [line for e in own for line in _explain(e, merged, sources)]
        raise ConfigurationError([*mistakes, *found, *(_agreement(line, sources) for line in hidden)]) from None
    if mistakes:
        raise ConfigurationError(mistakes)
    return _with_paths(settings)


def follows_from_another(error: Any, errors: Sequence[Any]) -> bool:
    """A list whose only entry is wrong is also said to be empty."""
    inside = [e for e in errors if len(e["loc"]) > len(error["loc"]) and e["loc"][: len(error["loc"])] == error["loc"]]
    return error["type"] == "too_short" and bool(inside)


def _read(path: Path) -> Source:
    try:
        return Source(path, tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: is not valid TOML: {error}"]) from error


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key; a list or a value replaces the one below."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        is_secret = isinstance(value, dict) and value.keys() <= {"env", "file"} and value
        both_tables = isinstance(below, dict) and isinstance(value, dict) and not is_secret
        merged[key] = _merge(below, value) if both_tables and isinstance(below, dict) else value
    return merged


def _enabled(merged: Mapping[str, Any]) -> dict[str, bool]:
    channels = {name: merged.get(name) for name in ("voice", "text", "email")}
    return {name: not isinstance(c, dict) or bool(c.get("enabled", True)) for name, c in channels.items()}


def _with_secrets(
    value: Any, key: Location, missing: list[tuple[Location, str]], *, enabled: Mapping[str, bool]
) -> Any:
    """Replace each ``{env = ...}`` or ``{file = ...}``; a channel that is off needs no secrets."""
    if isinstance(value, list):
        return [_with_secrets(v, (*key, str(i)), missing, enabled=enabled) for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if value and value.keys() <= {"env", "file"}:
        needed = enabled.get({"edge": "voice"}.get(key[0], key[0]), True)
        secret, what = _secret(value) if needed else ("", "")
        if what:
            missing.append((key, what))
        return secret or (MISSING if what else "")
    return {k: _with_secrets(v, (*key, k), missing, enabled=enabled) for k, v in value.items()}


def _secret(value: Mapping[str, Any]) -> tuple[str, str]:
    """The secret, and what is wrong with it: one of the two is ''."""
    if len(value) != 1:
        return "", "must be either { env = ... } or { file = ... }, not both"
    (kind, name), *_ = value.items()
    if kind == "env":
        secret = os.environ.get(str(name), "")
        return secret, "" if secret else f"the environment variable {name} is not set"
    try:
        lines = Path(str(name)).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        return "", f"the secret's file {name} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return "", f"the secret's file {name} is not text in UTF-8"
    return (lines[0], "") if lines and lines[0] else ("", f"the secret's file {name} is empty")


def _explain(error: Any, merged: Mapping[str, Any], sources: list[Source]) -> list[str]:
    """The mistake that pydantic found, one line for each; those of the whole name their own keys."""
    location = tuple(str(part) for part in error["loc"])
    if not location:
        return [_agreement(line, sources) for line in lines_of(error)]
    named = _named(location, merged)
    if error["type"] == "extra_forbidden":
        return [_in_words(named, f"there is no such setting; {DEFAULT} lists them all", sources)]
    return [_in_words(named, in_words(error) + _standing(location, merged), sources)]


def _agreement(line: str, sources: list[Source]) -> str:
    """A mistake of the whole, which names its own key."""
    key, _, text = line.partition(": ")
    return _in_words(tuple(key.split(".")), text, sources)


def _named(location: Location, values: Any) -> Location:
    """``menus[main].options[4].to`` for ``menus.0.options.3.to``; an entry without a name keeps its place."""
    named: list[str] = []
    for part in location:
        is_entry, values = isinstance(values, list), _at(values, (part,))
        name = (
            next((values[n] for n in NAMES if isinstance(values.get(n), str)), "") if isinstance(values, dict) else ""
        )
        if is_entry and name:
            named[-1] += f"[{name}]"
        else:
            named.append(part)
    return tuple(named)


def _in_words(location: Location, what: str, sources: list[Source]) -> str:
    """One mistake as ``file: key: what is wrong``."""
    key = ".".join(location)
    # The file that gives a list gives all of it, so its entries need not be looked for.
    path = tuple(takewhile(lambda part: not part.isdigit(), key.partition("[")[0].split(".")))
    return f"{_file_of(path, sources)}: {key}: {what}"


def _file_of(path: Location, sources: list[Source]) -> Path:
    """The file that says this or, for what is missing, the table around it."""
    while path:
        for source in reversed(sources):
            if _at(source.values, path) is not None:
                return source.path
        path = path[:-1]
    return sources[-1].path


def _standing(location: Location, merged: Mapping[str, Any]) -> str:
    """What stands there as it was written, unless it may hold a secret (an address may hold a password)."""
    written = _at(merged, location)
    plain = isinstance(written, str | int | float | bool)
    return f" (it is {written!r})" if plain and not SECRETS & set(location) and "@" not in str(written) else ""


def _at(values: Any, location: Location) -> Any:
    """The value there; None when there is none."""
    for part in location:
        if isinstance(values, dict) and part in values:
            values = values[part]
        elif isinstance(values, list) and part.isdigit() and int(part) < len(values):
            values = values[int(part)]
        else:
            return None
    return values


def _with_paths(settings: Settings) -> Settings:
    """Relative paths start at the data directory."""
    root = settings.gateway.data_dir.expanduser().absolute()
    places = {"data_dir": root, "run_dir": root / settings.gateway.run_dir}
    voice = settings.voice.model_copy(
        update={name: root / getattr(settings.voice, name) for name in ("prompts_dir", "music", "recordings_dir")}
    )
    prefix = "sqlite+aiosqlite:///"
    url = settings.store.url
    if url.startswith(prefix):
        url = prefix + str(root / url.removeprefix(prefix))
    return settings.model_copy(
        update={
            "gateway": settings.gateway.model_copy(update=places),
            "store": settings.store.model_copy(update={"url": url}),
            "edge": settings.edge.model_copy(update={"rpc_socket": root / settings.edge.rpc_socket}),
            "voice": voice,
            "text": settings.text.model_copy(update={"media_dir": root / settings.text.media_dir}),
            "email": settings.email.model_copy(update={"raw_dir": root / settings.email.raw_dir}),
        }
    )
