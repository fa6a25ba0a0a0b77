"""Where the time comes from: given to whoever needs it, so that tests can make it pass."""

from __future__ import annotations

from collections.abc import Callable

from routing.model import Time

# Epoch seconds.
Clock = Callable[[], Time]
