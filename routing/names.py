"""By what an open contact is found when somebody calls or writes again."""

from __future__ import annotations

from collections.abc import Collection

from routing.model import BLANK, Contact


class Names:
    """The references of open contacts: by conversation, by the SIP Call-ID of their latest call, and by caller."""

    def __init__(self) -> None:
        self._threads: dict[str, str] = {}
        self._calls: dict[str, str] = {}
        self._expected: dict[str, set[str]] = {}

    def in_thread(self, thread: str) -> str:
        """'' for none, as in ``of_call``."""
        return self._threads.get(thread, "")

    def of_call(self, call_id: str) -> str:
        return self._calls.get(call_id, "")

    def expected(self, thread: str) -> Collection[str]:
        """Those of the callers with this ``call_thread`` who were cut off and may call again."""
        return self._expected.get(thread, ())

    @property
    def threads(self) -> dict[str, str]:
        """The contact of each conversation. For checking."""
        return dict(self._threads)

    def put(self, contact: Contact, was: Contact) -> None:
        """The contact, and as it was before."""
        is_open = contact.closed_at is None
        if was is not BLANK:
            if is_open and contact.call_id == was.call_id and contact.expected_until == was.expected_until:
                return  # most changes: it keeps its conversation for life
            self._forget(was)
        if is_open:
            self._learn(contact)

    def _learn(self, contact: Contact) -> None:
        if contact.thread:
            self._threads[contact.thread] = contact.reference
        if contact.call_id:
            self._calls[contact.call_id] = contact.reference
        if contact.expected_until is not None:
            self._expected.setdefault(contact.call_thread, set()).add(contact.reference)

    def _forget(self, contact: Contact) -> None:
        reference = contact.reference
        for known, name in ((self._threads, contact.thread), (self._calls, contact.call_id)):
            if known.get(name) == reference:
                del known[name]
        if contact.expected_until is not None:
            expected = self._expected[contact.call_thread]
            expected.discard(reference)
            if not expected:
                del self._expected[contact.call_thread]
