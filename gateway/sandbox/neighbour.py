"""Another sandbox on this machine: what is sent to its mailboxes gets there."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Self

import aiohttp

from gateway.sandbox.mail import SentMail

SECONDS = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """``page``: its page's address; ``addresses``: its mailboxes', in lower case."""

    page: str
    addresses: frozenset[str]

    @classmethod
    async def at(cls, page: str) -> Self:
        """Raises aiohttp.ClientError, TimeoutError."""
        async with (
            aiohttp.ClientSession(timeout=SECONDS, raise_for_status=True) as session,
            session.get(f"{page}/world/mailboxes") as answer,
        ):
            return cls(page, frozenset(mailbox["address"].lower() for mailbox in await answer.json()))

    async def take(self, mail: SentMail, recipient: str) -> None:
        """Raises OSError."""
        body = {"raw": base64.b64encode(mail.raw).decode(), "to": [recipient], "sender": mail.sender}
        try:
            async with aiohttp.ClientSession(timeout=SECONDS, raise_for_status=True) as session:
                await session.post(f"{self.page}/world/mails", json=body)
        except aiohttp.ClientError as error:
            raise ConnectionError(f"the sandbox at {self.page} does not take it") from error
