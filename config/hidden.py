"""What does not agree between sections, where a section is wrong by itself: pydantic looks no further then.

So each mistake is mended for a moment, in a copy. Nothing is said that comes of the mending: what speaks of a value
that was mended, or does not find an entry that was left out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from config.settings import Settings

Location = tuple[Any, ...]
Names = Mapping[Location, str]
DEEPEST = 4  # lists within lists


def hidden_behind(
    errors: Sequence[Any], resolved: Mapping[str, Any], defaults: Mapping[str, Any], names: Names
) -> Iterator[str]:
    """Each as ``key: what is wrong``. ``names``: what each error's location is called.

    A value becomes the default's. Where that does not help, its entry of the innermost list is left out, then that of
    the next list around it.
    """
    if not all(error["loc"] for error in errors):
        return  # then they are told already
    mended, left, lost = copy.deepcopy(dict(resolved)), [_place(error) for error in errors], list[Location]()
    for lists in range(DEEPEST):
        cuts = {_cut(location, lists) for location in left}
        for location in sorted(cuts, key=_from_behind, reverse=True):
            _mend(mended, location, defaults)
        lost += [cut for cut in cuts if _is_entry(cut)]
        try:
            Settings.model_validate(mended)
        except ValidationError as further:
            left = [_place(error) for error in further.errors() if error["loc"]]
            if not left:
                found = [line for error in further.errors() for line in lines_of(error)]
                yield from (line for line in found if not _comes_of_mending(line, errors, lost, resolved, names))
                return
        else:
            return


def lines_of(error: Any) -> list[str]:
    """The mistakes of the whole, each with its own key."""
    return str(error["msg"]).removeprefix("Value error, ").splitlines()


def _place(error: Any) -> Location:
    return tuple(error["loc"])


def _cut(location: Location, lists: int) -> Location:
    """The value itself, or the entry that it stands in: of the innermost list, of the one around it, and so on."""
    entries = [place + 1 for place, part in enumerate(location) if isinstance(part, int)]
    return location[: entries[max(0, len(entries) - lists)]] if lists and entries else location


def _is_entry(location: Location) -> bool:
    return isinstance(location[-1], int)


def _from_behind(location: Location) -> list[str]:
    return [str(part).zfill(6) for part in location]


# --- mending -----------------------------------------------------------------------------------------


def _mend(values: Any, location: Location, defaults: Any) -> None:
    part, rest = location[0], location[1:]
    if isinstance(values, list):
        if rest and isinstance(values[part], dict | list):
            _mend_entry(values[part], part, rest, defaults)
        else:
            del values[part : part + 1]
        return
    below, default = values.get(part), defaults.get(part) if isinstance(defaults, Mapping) else None
    if rest and isinstance(below, dict | list):
        _mend(below, rest, default)
    elif default is None:
        values.pop(part, None)
    else:
        values[part] = copy.deepcopy(default)


def _mend_entry(entry: Any, place: int, rest: Location, defaults: Any) -> None:
    """As the default's first entry has it; but two entries must not have one name."""
    if rest == ("id",):
        entry["id"] = f"without-a-name-{place}"
    else:
        _mend(entry, rest, defaults[0] if isinstance(defaults, list) and defaults else None)


# --- what comes of it --------------------------------------------------------------------------------


def _comes_of_mending(
    line: str, errors: Sequence[Any], lost: Sequence[Location], resolved: Mapping[str, Any], names: Names
) -> bool:
    nameless = [_place(error)[:-1] for error in errors if error["loc"][-1] == "id"]
    entries = [location for location in (*lost, *nameless) if len(location) > 1]
    return any(_speaks_of(line, _mended(error, names)) for error in errors) or any(
        _misses(line, str(entry[-2]), _name(resolved, entry)) for entry in entries
    )


def _mended(error: Any, names: Names) -> str:
    """The key that was mended. Behind an unknown key may stand a known one of the same table that was meant."""
    name = names[_place(error)]
    table = name.rpartition(".")[0]
    return table if error["type"] == "extra_forbidden" and table and not table.endswith("]") else name


def _speaks_of(line: str, key: str) -> bool:
    said = [word.rstrip(":;,.") for word in line.split()]
    return any(word == key or word.startswith((f"{key}.", f"{key}[")) or _around(word, key) for word in said)


def _around(word: str, key: str) -> bool:
    """A table within a section, such as a queue's overflow; of an entry or a section itself other things are true."""
    return "." in word and not word.endswith("]") and key.startswith((f"{word}.", f"{word}["))


def _misses(line: str, kind: str, name: str) -> bool:
    """Whether it says that there is no such entry, or twice the same. ``name``: '' where that is wrong itself."""
    sought = f"'{name}'" if name else "'"
    return f"no {kind.removesuffix('s')} {sought}" in line or (f"no {sought}" in line and f"among the {kind}" in line)


def _name(resolved: Any, location: Location) -> str:
    for part in location:
        resolved = resolved[part]
    name = resolved.get("id") if isinstance(resolved, dict) else None
    return name if isinstance(name, str) else ""
