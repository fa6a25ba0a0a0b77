"""Microsoft's sign-in service as far as an application's own token goes (RFC 6749, 4.4), on loopback: over TLS, as
``msal`` insists; and, in the clear beside it, the question of a mail server whether a token holds (RFC 7662)."""

from __future__ import annotations

import base64
import json
import ssl
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from config.email import OAuth2
from gateway.sandbox.dovecot import LOOPBACK, Certificate, free_port

TENANT, CLIENT, SECRET = "police.example", "11111111-2222-3333-4444-555555555555", "the secret's value"
EXPIRED = 7000222
BOTH = ("IMAP.AccessAsApp", "SMTP.SendAsApp")


class TokenServer:
    """``refusal``: the code (AADSTS...) with which it refuses, 0 when it does not. ``roles``: what its tokens permit.
    A token in ``revoked`` does not hold any more. ``accepts``: the user it is for."""

    def __init__(self, certificate: Certificate, accepts: str) -> None:
        self._certificate, self._accepts = certificate, accepts
        self._tls_port, self.port = free_port(), free_port()
        self.issued: list[str] = []
        self.revoked: set[str] = set()
        self.roles: tuple[str, ...] = BOTH
        self.refusal = 0
        self.broken = False

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get(f"/{TENANT}/v2.0/.well-known/openid-configuration", self._configuration)
        app.router.add_post(f"/{TENANT}/oauth2/v2.0/token", self._token)
        app.router.add_post("/introspect", self._introspect)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._certificate.chain, self._certificate.key)
        await web.TCPSite(self._runner, LOOPBACK, self._tls_port, ssl_context=context).start()
        await web.TCPSite(self._runner, LOOPBACK, self.port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def introspection_url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/introspect"

    def expire(self) -> None:
        """The application's secret has expired, and its tokens hold no more."""
        self.refusal, self.revoked = EXPIRED, set(self.issued)

    def renew(self) -> None:
        self.refusal = 0

    def application(self, secret: str = SECRET, tenant: str = TENANT) -> OAuth2:
        return OAuth2.model_validate(self.configured(secret, tenant))

    def configured(self, secret: str = SECRET, tenant: str = TENANT) -> dict[str, str]:
        return {
            "tenant": tenant,
            "client_id": CLIENT,
            "client_secret": secret,
            "authority": f"https://localhost:{self._tls_port}",
            "scope": "https://outlook.office365.com/.default",
        }

    def holds(self, token: str) -> bool:
        permitted = "IMAP.AccessAsApp" in self.roles and "SMTP.SendAsApp" in self.roles
        return token in self.issued and token not in self.revoked and permitted

    async def _configuration(self, request: web.Request) -> web.Response:
        here = f"https://localhost:{self._tls_port}/{TENANT}"
        told = {"issuer": f"{here}/v2.0"} | {
            name: f"{here}/oauth2/v2.0/{path}"
            for name, path in (("authorization_endpoint", "authorize"), ("token_endpoint", "token"))
        }
        return web.json_response(told)

    async def _token(self, request: web.Request) -> web.Response:
        if self.broken:
            return web.Response(status=503)
        form = await request.post()
        code = self.refusal or (0 if form["client_secret"] == SECRET else 7000215)
        if code or form["grant_type"] != "client_credentials" or form["client_id"] != CLIENT:
            refusal = {"error": "invalid_client", "error_description": f"AADSTS{code}: No.", "error_codes": [code]}
            return web.json_response(refusal, status=401)
        parts = ({"alg": "none"}, {"roles": self.roles, "n": len(self.issued)}, "signature")
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        self.issued.append(token)
        return web.json_response({"token_type": "Bearer", "expires_in": 3599, "access_token": token})

    async def _introspect(self, request: web.Request) -> web.Response:
        token = str((await request.post())["token"])
        answer: dict[str, Any] = {"active": self.holds(token), "username": self._accepts}
        return web.json_response(answer)
