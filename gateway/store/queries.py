"""What is asked for every message, call and request, built once: to build a query costs more than to answer it.

A list of values of any length costs as much again as the query: what is asked for many messages at once pays it once.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text, bindparam, func, select

from gateway.store.tables import accounts, blocks, calls, contacts, messages, sessions


def _one_of(name: str) -> Any:
    return bindparam(name, expanding=True, type_=Text())


CONTACT = select(contacts.c.document).where(contacts.c.reference == bindparam("reference"))

MESSAGE = select(messages).where(messages.c.id == bindparam("id"))

OF_ITS_SECOND = (
    select(messages.c.id)
    .where(
        messages.c.reference == bindparam("reference"),
        messages.c.direction == "out",
        messages.c.by == bindparam("by"),
        messages.c.at >= bindparam("begins"),
        messages.c.at < bindparam("ends"),
    )
    .order_by(messages.c.at, messages.c.id)
)

SENT_BY_US = select(messages).where(messages.c.header_id == bindparam("header_id"), messages.c.direction == "out")

MESSAGES_CALLED = select(messages).where(messages.c.header_id.in_(_one_of("header_ids")))

KNOWN_KEYS = select(messages.c.provider_key, messages.c.reference).where(messages.c.provider_key.in_(_one_of("keys")))

KNOWN_CALL = select(calls.c.reference).where(calls.c.call_id == bindparam("call_id"))

SESSION = select(sessions).where(sessions.c.digest == bindparam("digest"))

ACCOUNT = select(accounts).where(accounts.c.name == bindparam("name"))

_NEWEST = (
    select(contacts.c.party, func.max(contacts.c.received_at).label("received_at"))
    .where(contacts.c.party.in_(_one_of("addresses")))
    .group_by(contacts.c.party)
    .subquery()
)
LATEST_OF = select(contacts.c.party, contacts.c.received_at, contacts.c.reference).join(
    _NEWEST, (contacts.c.party == _NEWEST.c.party) & (contacts.c.received_at == _NEWEST.c.received_at)
)

BLOCKS_IN_FORCE = select(blocks).where(blocks.c.expires_at.is_(None) | (blocks.c.expires_at > bindparam("now")))
BLOCKS_OF = BLOCKS_IN_FORCE.where(blocks.c.address.in_(_one_of("addresses")))

EMAILS_FROM = select(func.count()).where(
    func.lower(messages.c.sender) == bindparam("address"),
    messages.c.at >= bindparam("since"),
    messages.c.channel == "email",
    messages.c.direction == "in",
)

AUTOMATIC_ANSWERS = select(func.count()).where(
    func.lower(messages.c.recipient) == bindparam("address"),
    messages.c.at >= bindparam("since"),
    messages.c.channel == "email",
    messages.c.direction == "out",
    messages.c.automatic,
)
