"""``dataclasses.replace`` for frozen dataclasses with slots, several times as fast: a decision changes a contact a
handful of times, and a contact has many fields. The type checker sees the original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace as replace
else:
    from collections.abc import Callable
    from functools import cache
    from operator import attrgetter

    def replace(value: Any, **changes: Any) -> Any:
        """A copy with these changes, of a class with two fields or more; KeyError for a field that there is not."""
        kind = type(value)
        read, setters = _slots(kind)
        copy = object.__new__(kind)
        for put, old in zip(setters.values(), read(value), strict=True):
            put(copy, old)
        for name, new in changes.items():
            setters[name](copy, new)
        return copy

    @cache
    def _slots(kind: type) -> tuple[Callable[[Any], tuple[Any, ...]], dict[str, Callable[[Any, Any], None]]]:
        return attrgetter(*kind.__slots__), {name: kind.__dict__[name].__set__ for name in kind.__slots__}
