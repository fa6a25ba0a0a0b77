"""Signs in to Microsoft 365 with the application's own secret: access tokens for XOAUTH2, kept until they end.

``msal`` keeps the token and asks for a new one before it ends; it waits for the network, so it works in a thread.
What is said of a refusal names what a person has to change there (docs/operations.md has the steps).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import ssl
from typing import Any, Literal

import msal
import msal.exceptions

from channels.base import NotLetIn, Unreachable
from config.email import OAuth2

ANSWER_SECONDS = 10.0
SAID_LIMIT = 300
Permission = Literal["IMAP.AccessAsApp", "SMTP.SendAsApp"]
PASSING = {"temporarily_unavailable", "server_error"}
# The codes behind AADSTS in Microsoft's answers, and what to do.
ADVICE = {
    53003: "a conditional access policy of the tenant forbids it: exempt the application",
    70011: "the scope is not accepted: it is https://outlook.office365.com/.default",
    90002: "there is no such tenant: check tenant",
    500011: "the tenant does not know what the scope names: it is https://outlook.office365.com/.default",
    700016: "the tenant has no application with this client_id: check client_id and tenant",
    1002012: "the scope is not accepted: it is https://outlook.office365.com/.default",
    7000112: "the application is disabled in the tenant: enable it again",
    7000215: "the client secret is wrong: it is the secret's Value, not its Secret ID",
    7000222: "the client secret has expired: make a new one under Certificates & secrets",
}


class Tokens:
    """The access tokens of one application, fetched when they are needed."""

    def __init__(self, application: OAuth2) -> None:
        self._settings = application
        self._application: Any = None
        self._asking = asyncio.Lock()

    async def token(self) -> str:
        """One that holds for at least some minutes. Raises NotLetIn with what to do, or Unreachable."""
        async with self._asking:
            try:
                answer = await asyncio.to_thread(self._acquire)
            except (OSError, msal.exceptions.MsalServiceError) as error:  # what the HTTP library raises is an OSError
                raise Unreachable(f"{self._settings.authority} does not answer: {type(error).__name__}") from error
            except ValueError as error:
                self._application = None
                raise NotLetIn(
                    f"{self._settings.authority} does not know the tenant: check tenant and authority"
                ) from error
            if "access_token" not in answer:
                self._application = None  # it would keep the refusal for a while
                raise _refusal(answer)
            return str(answer["access_token"])

    def forget(self) -> None:
        """The mail server did not accept the latest token: the next one is a new one."""
        self._application = None

    def _acquire(self) -> dict[str, Any]:
        if self._application is None:
            self._application = msal.ConfidentialClientApplication(
                self._settings.client_id,
                authority=f"{self._settings.authority}/{self._settings.tenant}",
                client_credential=self._settings.client_secret.get_secret_value(),
                instance_discovery=False,  # the authority stands in the configuration: nobody else need vouch for it
                verify=ssl.get_default_verify_paths().cafile or True,
                timeout=ANSWER_SECONDS,
            )
        answer: dict[str, Any] = self._application.acquire_token_for_client([self._settings.scope])
        return answer


def missing(token: str, permission: Permission) -> str:
    """What to change so that a mail server accepts this token, which it has refused."""
    roles = _roles(token)
    if roles is not None and permission not in roles:
        return f"the application has no permission {permission}, or no administrator has consented to it"
    return f"has the application the permission {permission}, and access to this mailbox in Exchange?"


def _roles(token: str) -> list[str] | None:
    """The permissions in a token; None when it cannot be read. Only for words: nobody is let in by this."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return list(map(str, claims.get("roles", ())))
    except (IndexError, binascii.Error, ValueError, AttributeError, TypeError):
        return None


def _refusal(answer: dict[str, Any]) -> Unreachable:
    said = " ".join(str(answer.get("error_description") or answer.get("error")).split())[:SAID_LIMIT]
    if answer.get("error") in PASSING:
        return Unreachable(f"no access token for now: {said}")
    codes = answer.get("error_codes") or []
    advice = next((ADVICE[code] for code in codes if code in ADVICE), "")
    return NotLetIn(f"no access token: {advice or said}", code=str(codes[0] if codes else answer.get("error", "")))
