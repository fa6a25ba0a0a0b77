"""``dataclasses.replace`` for frozen dataclasses without slots, many times as fast: a decision changes a contact a
handful of times, and a contact has many fields. The type checker sees the original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace as replace
else:

    def replace(value: Any, **changes: Any) -> Any:
        """A copy with these changes; AttributeError for a field that there is not."""
        kind, fields = type(value), value.__dict__
        if not changes.keys() <= fields.keys():
            raise AttributeError(f"{kind.__name__} has no {', '.join(sorted(changes.keys() - fields.keys()))}")
        copy = object.__new__(kind)
        copy.__dict__.update(fields)
        copy.__dict__.update(changes)
        return copy
