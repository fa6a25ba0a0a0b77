"""What passes between who reads a mailbox and who stores what is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything up to and including ``last_uid`` has been stored, or was there before we came.

    ``reread_to``: up to here UIDVALIDITY had just changed, so a message may be a known one. ``listed_to``: up to here
    the fingerprints are kept.
    """

    uid_validity: int
    last_uid: int
    reread_to: int = 0
    listed_to: int = 0


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """One message as the server gave it; ``cursor`` and ``fingerprint`` become true when it is stored.

    ``too_large``: ``raw`` holds only the headers and the start of the message. A message of more than a megabyte lies
    in ``file`` instead, which the receiver removes when it is stored. ``stays``: somebody must look at it there.
    """

    mailbox_id: str
    cursor: Cursor
    raw: bytes
    too_large: bool
    internal_date: datetime | None
    file: Path | None = None
    fingerprint: str = ""
    stays: bool = False


@dataclass(frozen=True, slots=True)
class ToFile:
    """A stored message that belongs into another folder; ``fingerprint`` as of ``FetchedMail``."""

    uid_validity: int
    uid: int
    folder: str
    fingerprint: str = ""


Prepared = TypeVar("Prepared")


class Receiver(Protocol[Prepared]):
    """Who stores what is read of one mailbox."""

    async def cursor(self) -> Cursor | None:
        """None for a mailbox that was never read."""

    async def keep(self, cursor: Cursor, fingerprints: Collection[str] = ()) -> None:
        """Where we are, and what was seen there; both at once."""

    async def known(self, fingerprints: Collection[str]) -> Collection[str]:
        """Those of them that were kept."""

    async def prepare(self, mails: Sequence[FetchedMail]) -> Prepared:
        """What can be done with them while those before them are still being stored."""

    async def deliver(self, prepared: Prepared) -> None:
        """Returns once the messages, their cursors and where they are to be filed are committed; no cursor before what
        it passes. While this or ``prepare`` raises, the same messages are given to them again, then each alone, again
        and again, never skipped."""

    async def to_file(self) -> Sequence[ToFile]:
        """What is stored and not yet filed."""

    async def found_again(self, uid_validity: int, uids: Mapping[str, int]) -> None:
        """What is still to be filed of these messages has a new UID; ``uids``: by fingerprint."""

    async def filed(self, mails: Sequence[ToFile]) -> None:
        """They are where they belong, or are not there any more."""

    async def alarm(self, cause: str, why: str) -> None:
        """A person must do something. Raises nothing."""
