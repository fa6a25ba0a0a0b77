"""What can go wrong with the database; in a file of its own, for commands that use a running gateway need no more."""

from __future__ import annotations


class StoreError(Exception):
    """The database could not do it: it is down, full, or locked. Trying again later can help."""


class NotStorable(StoreError):
    """The database refuses these values: trying again cannot help."""


class NoDatabase(StoreError):
    """None has been begun there: the address is wrong, or no gateway has run yet."""


class NotMade(NoDatabase):
    """The PostgreSQL server has none of that ``name``: its administrator makes it."""

    def __init__(self, said: str, name: str) -> None:
        super().__init__(said)
        self.name = name
