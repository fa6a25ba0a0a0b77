"""``dataclasses.replace`` for frozen dataclasses without slots, many times as fast: a decision changes a contact a
handful of times, and a contact has many fields. The type checker sees the original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace as replace
else:

    def replace(value: Any, **changes: Any) -> Any:
        """A copy with these changes; AttributeError for a field that there is not."""
        copy = object.__new__(type(value))
        fields = copy.__dict__
        fields.update(value.__dict__)
        known = len(fields)
        fields.update(changes)
        if len(fields) != known:
            unknown = changes.keys() - value.__dict__.keys()
            raise AttributeError(f"{type(value).__name__} has no {', '.join(sorted(unknown))}")
        return copy
