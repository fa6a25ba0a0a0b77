"""Short looks into the store, as plain functions on one connection: what is asked for every message, call and request.

Whoever must ask several things to know what a message means asks them in one hop (``Store.look``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from gateway.store import queries
from gateway.store.documents import CONTACT
from gateway.store.records import Account, Block, Message, Session
from routing.model import Contact, Time

NEVER: tuple[Time, str] = (0.0, "")


class Looks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def contact(self, reference: str) -> Contact | None:
        document = self._first(queries.CONTACT, {"reference": reference})
        return CONTACT.validate_json(document) if document else None

    def latest_of(self, *people: Sequence[str]) -> list[str]:
        """The reference of each person's newest contact, '' where there is none. A person: all their addresses."""
        addresses = [address for person in people for address in person]
        rows = self._rows(queries.LATEST_OF, {"addresses": addresses}) if addresses else []
        newest = {party: (at, reference) for party, at, reference in rows}
        return [
            max((newest[address] for address in person if address in newest), default=NEVER)[1] for person in people
        ]

    def message(self, message: str) -> Message | None:
        return next((Message(**row._mapping) for row in self._rows(queries.MESSAGE, {"id": message})), None)

    def of_its_second(self, message: Message) -> list[str]:
        """The messages that the same writer wrote to the same contact in the same second, in their order."""
        second = math.floor(message.at)
        values = {"reference": message.reference, "by": message.by, "begins": second, "ends": second + 1}
        return [row.id for row in self._rows(queries.OF_ITS_SECOND, values)]

    def sent_by_us(self, header_id: str) -> Message | None:
        """Our own email with this Message-ID."""
        rows = self._rows(queries.SENT_BY_US, {"header_id": header_id}) if header_id else []
        return next((Message(**row._mapping) for row in rows), None)

    def messages_called(self, header_ids: Iterable[str]) -> list[Message]:
        """The emails with these Message-IDs: strangers may use one again, so there can be several of each."""
        wanted = list(header_ids)
        rows = self._rows(queries.MESSAGES_CALLED, {"header_ids": wanted}) if wanted else []
        return [Message(**row._mapping) for row in rows]

    def emails_from(self, address: str, since: Time) -> int:
        """How many emails came from this address since then."""
        return int(self._first(queries.EMAILS_FROM, {"address": address.lower(), "since": since}))

    def automatic_answers(self, address: str, since: Time) -> int:
        """How many automatic emails went to this address since then."""
        return int(self._first(queries.AUTOMATIC_ANSWERS, {"address": address.lower(), "since": since}))

    def blocks_in_force(self, now: Time) -> list[Block]:
        """One that is over is only in the journal."""
        return [Block(**row._mapping) for row in self._rows(queries.BLOCKS_IN_FORCE, {"now": now})]

    def blocks_of(self, *addresses: str, now: Time) -> list[Block | None]:
        """What each of these addresses, or its whole domain, is blocked by now."""
        names = [(lower, f"@{lower.rpartition('@')[2]}") for lower in map(str.lower, addresses)]
        every = list(dict.fromkeys(chain.from_iterable(names)))
        found = {
            row.address: Block(**row._mapping)
            for row in self._rows(queries.BLOCKS_OF, {"addresses": every, "now": now})
        }
        return [found.get(address) or found.get(domain) for address, domain in names]

    def known_keys(self, keys: Iterable[str]) -> dict[str, str]:
        """Which of these provider keys we have, each with its contact's reference."""
        return dict(self._rows(queries.KNOWN_KEYS, {"keys": list(keys)}))

    def known_calls(self, call_ids: Iterable[str]) -> dict[str, str]:
        """Which of these SIP Call-IDs we have, each with its contact's reference."""
        found = {call_id: self._first(queries.KNOWN_CALL, {"call_id": call_id}) for call_id in call_ids}
        return {call_id: reference for call_id, reference in found.items() if reference is not None}

    def session(self, digest: str) -> Session | None:
        return next((Session(**row._mapping) for row in self._rows(queries.SESSION, {"digest": digest})), None)

    def account(self, name: str) -> Account | None:
        return next((Account(**row._mapping) for row in self._rows(queries.ACCOUNT, {"name": name})), None)

    def _first(self, query: Any, values: Mapping[str, Any]) -> Any:
        """The first column of the first row; None when there is none."""
        return self._connection.execute(query, values).scalar()

    def _rows(self, query: Any, values: Mapping[str, Any]) -> list[Any]:
        return list(self._connection.execute(query, values).all())
