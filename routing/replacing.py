"""``dataclasses.replace`` for frozen dataclasses without slots, many times as fast: a decision changes a contact a
handful of times, and a contact has many fields. The type checker sees the original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace as replace
else:
    new = object.__new__
    put = object.__setattr__

    def replace(value: Any, **changes: Any) -> Any:
        """A copy with these changes; AttributeError for a field that there is not."""
        known = value.__dict__
        fields = known | changes
        if len(fields) != len(known):
            unknown = changes.keys() - known.keys()
            raise AttributeError(f"{type(value).__name__} has no {', '.join(sorted(unknown))}")
        copy = new(type(value))
        put(copy, "__dict__", fields)
        return copy
