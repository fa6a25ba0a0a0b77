"""What handlers are not shown of their contacts: who consults them and, by policy, who supervises them.

The journal has all of it, and supervisors see all of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from config.voice import Voice
from gateway.store.journal import Row
from routing.model import Contact
from routing.replacing import replace

ABOUT_PARTIES = ("PartyRung", "PartyAnswered", "PartyLeft")


@dataclass(frozen=True, slots=True)
class Discretion:
    supervisors_shown: bool

    @classmethod
    def of(cls, voice: Voice) -> Discretion:
        return cls(voice.supervisors_shown)

    def shows(self, row: Row) -> bool:
        """Whether a handler may see this row of the journal."""
        return row.kind != "Recorded" and (self.supervisors_shown or not _of_supervisor(row))

    def seen(self, contact: Contact) -> Contact:
        """The contact as a handler may see it."""
        if self.supervisors_shown:
            return contact
        return replace(contact, guests=tuple(g for g in contact.guests if g.role != "supervisor"))


def _of_supervisor(row: Row) -> bool:
    if row.kind in ABOUT_PARTIES:
        return bool(json.loads(row.document).get("role") == "supervisor")
    return row.kind == "Supervised"
