"""Whether our mailboxes let us in, tried once and said in words: for ``contact-gateway check --sign-in``."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from channels.base import ChannelError
from channels.email import outbound
from channels.email.imap import Patience, connected
from channels.email.oauth2 import Tokens
from config.email import Mailbox
from gateway.emails.mailboxes import tokens_for

PATIENCE = Patience(command=15.0)


async def refusals(mailboxes: Sequence[Mailbox]) -> list[str]:
    """What does not work, a sentence for each; nothing is read, sent or changed."""
    found = []
    for mailbox in mailboxes:
        tokens = Tokens(mailbox.oauth2) if mailbox.oauth2 else None
        for way, attempt in (("read", _reads(mailbox, tokens)), ("sent from", _sends(mailbox, tokens))):
            if why := await _refused(attempt):
                found.append(f"{mailbox.address} cannot be {way}: {why}")
    return found


async def _refused(attempt: Awaitable[None]) -> str:
    try:
        await attempt
    except ChannelError as error:
        return str(error)
    return ""


async def _reads(mailbox: Mailbox, tokens: Tokens | None) -> None:
    async with connected(mailbox.imap, PATIENCE, tokens_for(mailbox.imap, tokens)) as imap:
        await imap.open_folder(mailbox.folder)


async def _sends(mailbox: Mailbox, tokens: Tokens | None) -> None:
    await outbound.sign_in(mailbox.smtp, tokens_for(mailbox.smtp, tokens))
