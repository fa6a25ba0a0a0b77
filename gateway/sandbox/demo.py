"""The people of the sandbox's contact centre, and what is said on its telephones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.sandbox.client import ApiError, Client

EXISTS = 409
MAIL_DOMAIN = "gateway.invalid"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who signs in; with an ``extension`` they have a telephone."""

    id: str
    name: str
    centre: str
    role: str = "handler"
    extension: str = ""
    skills: tuple[str, ...] = ()
    auto_answer: bool = False

    @property
    def takes_contacts(self) -> bool:
        return self.role == "handler"

    @property
    def greeting(self) -> str:
        return f"Police contact centre, {self.name.partition(' ')[0]} speaking. How can I help?"


ACCOUNTS: Sequence[Account] = (
    Account("anna", "Anna Ashworth", "fcc", extension="201"),
    Account("ben", "Ben Okoro", "fcc", extension="202"),
    Account("chloe", "Chloe Marsh", "crc", extension="203", skills=("crime",)),
    Account("sam", "Sam Whitfield", "fcc", role="supervisor", extension="204"),
    Account("ada", "Ada Lindqvist", "fcc", role="administrator"),
)
HANDLERS: Sequence[Account] = tuple(account for account in ACCOUNTS if account.takes_contacts)
WITH_PHONE: Sequence[Account] = tuple(account for account in ACCOUNTS if account.extension)

CONTROL_ROOM_SAYS = "Control room. I can hear you. Officers are on their way. Stay on the line."
OVERFLOW_SAYS = "This is the overflow line. The contact centre cannot be reached. I am taking your call."
PUBLIC_SAYS = "Hello? Yes, speaking. Thank you for calling me back."
CALLER_SAYS = "Hello. I would like to report something that I have seen at the station."
EMERGENCY_SAYS = "Please help me. I need the police, quickly."


async def save_account(administrator: Client, account: Account, password: str) -> None:
    """Add it, or give the one that is there from an earlier start this password again. Raises ApiError."""
    body = {**body_of(account), "password": password}
    try:
        await administrator.post("handlers", {"id": account.id, **body})
    except ApiError as error:
        if error.status != EXISTS:
            raise
        await administrator.put(f"handlers/{account.id}", body)


def body_of(account: Account) -> dict[str, Any]:
    """As the API takes it; without a password the one there is stays."""
    return {
        "name": account.name,
        "centre": account.centre,
        "skills": list(account.skills),
        "extension": account.extension,
        "auto_answer": account.auto_answer,
        "role": account.role,
    }
