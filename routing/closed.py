"""Conversations that were closed a moment ago: whoever writes again in one of them opens its contact again."""

from __future__ import annotations

from collections import deque

from routing.model import Contact, Time


class LatelyClosed:
    """By thread, for ``seconds`` after the contact was closed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[str, Contact] = {}
        self._order: deque[tuple[Time, str]] = deque()

    def note(self, contact: Contact) -> None:
        """A contact that has just been closed, or was when the board was built."""
        if not contact.thread or contact.closed_at is None:
            return
        self._known[contact.thread] = contact
        self._order.append((contact.closed_at, contact.thread))
        self._forget(contact.closed_at)

    def find(self, thread: str, now: Time) -> Contact | None:
        """The contact to open again, if it was closed lately enough."""
        contact = self._known.get(thread) if thread else None
        if contact is None or contact.closed_at is None or now - contact.closed_at >= self._seconds:
            return None
        return contact

    def _forget(self, now: Time) -> None:
        while self._order and now - self._order[0][0] >= self._seconds:
            closed_at, thread = self._order.popleft()
            known = self._known.get(thread)
            if known is not None and known.closed_at == closed_at:
                del self._known[thread]
