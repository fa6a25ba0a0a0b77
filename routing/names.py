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
        reference, is_open, was_open = contact.reference, contact.closed_at is None, was is not BLANK
        if contact.thread and is_open:
            self._threads[contact.thread] = reference
        elif contact.thread and self._threads.get(contact.thread) == reference:
            del self._threads[contact.thread]
        if was.call_id != contact.call_id or not is_open:
            if was_open and was.call_id and self._calls.get(was.call_id) == reference:
                del self._calls[was.call_id]
            if contact.call_id and is_open:
                self._calls[contact.call_id] = reference
        if was_open and was.expected_until is not None:
            known = self._expected[was.call_thread]
            known.discard(reference)
            if not known:
                del self._expected[was.call_thread]
        if is_open and contact.expected_until is not None:
            self._expected.setdefault(contact.call_thread, set()).add(reference)
