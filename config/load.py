"""Reads the configuration: the site's file over ``default.toml``, secrets resolved, all mistakes at once."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.settings import Settings

HERE = Path(__file__).parent
DEFAULT = HERE / "default.toml"
SANDBOX = HERE / "sandbox.toml"


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
    mistakes: list[str] = []
    resolved = _with_secrets(merged, (), mistakes, enabled=_enabled(merged))
    try:
        settings = Settings.model_validate(resolved)
    except ValidationError as error:
        raise ConfigurationError(mistakes + [_explain(e, sources) for e in error.errors()]) from None
    if mistakes:
        raise ConfigurationError(mistakes)
    return _with_paths(settings)


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
    return {name: bool(merged.get(name, {}).get("enabled", True)) for name in ("voice", "text", "email")}


def _with_secrets(value: Any, key: tuple[str, ...], mistakes: list[str], *, enabled: Mapping[str, bool]) -> Any:
    """Replace each ``{env = ...}`` or ``{file = ...}``; a channel that is off needs no secrets."""
    if isinstance(value, list):
        return [_with_secrets(v, (*key, str(i)), mistakes, enabled=enabled) for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if value and value.keys() <= {"env", "file"}:
        needed = enabled.get({"edge": "voice"}.get(key[0], key[0]), True)
        return _secret(value, ".".join(key), mistakes) if needed else ""
    return {k: _with_secrets(v, (*key, k), mistakes, enabled=enabled) for k, v in value.items()}


def _secret(value: Mapping[str, Any], key: str, mistakes: list[str]) -> str:
    if len(value) != 1:
        mistakes.append(f"{key}: must be either {{ env = ... }} or {{ file = ... }}, not both")
        return ""
    (kind, name), *_ = value.items()
    if kind == "env":
        if not os.environ.get(str(name)):
            mistakes.append(f"{key}: the environment variable {name} is not set")
        return os.environ.get(str(name), "")
    try:
        lines = Path(str(name)).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        mistakes.append(f"{key}: the secret's file {name} cannot be read: {error.strerror}")
        return ""
    if not lines or not lines[0]:
        mistakes.append(f"{key}: the secret's file {name} is empty")
        return ""
    return lines[0]


def _explain(error: Any, sources: list[Source]) -> str:
    """One mistake as ``file: key: what is wrong (what stands there)``."""
    location = tuple(str(part) for part in error["loc"])
    given = next((s.path for s in reversed(sources) if _has(s.values, location)), sources[-1].path)
    what = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        what = f"there is no such setting; {DEFAULT} lists them all"
    elif error["type"] == "missing":
        what = "is missing"
    shown = error.get("input")
    stands = f" (it is {shown!r})" if isinstance(shown, str | int | float | bool) and location else ""
    return f"{given}: {'.'.join(location) or 'settings'}: {what}{stands}"


def _has(values: Any, location: tuple[str, ...]) -> bool:
    for part in location:
        if isinstance(values, dict) and part in values:
            values = values[part]
        elif isinstance(values, list) and part.isdigit() and int(part) < len(values):
            values = values[int(part)]
        else:
            return False
    return bool(location)


def _with_paths(settings: Settings) -> Settings:
    """Relative paths start at the data directory."""
    root = settings.gateway.data_dir.expanduser().absolute()
    voice = settings.voice.model_copy(
        update={name: root / getattr(settings.voice, name) for name in ("prompts_dir", "music", "recordings_dir")}
    )
    prefix = "sqlite+aiosqlite:///"
    url = settings.store.url
    if url.startswith(prefix):
        url = prefix + str(root / url.removeprefix(prefix))
    return settings.model_copy(
        update={
            "gateway": settings.gateway.model_copy(update={"data_dir": root}),
            "store": settings.store.model_copy(update={"url": url}),
            "edge": settings.edge.model_copy(update={"rpc_socket": root / settings.edge.rpc_socket}),
            "voice": voice,
            "text": settings.text.model_copy(update={"media_dir": root / settings.text.media_dir}),
            "email": settings.email.model_copy(update={"raw_dir": root / settings.email.raw_dir}),
        }
    )
