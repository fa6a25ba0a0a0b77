"""Who is asking: people sign in and hold a session cookie, programs hold a bearer token.

Only hashes are kept: argon2 for passwords, SHA-256 for the 256 random bits of a cookie or token.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from aiohttp import web
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.clock import Clock
from gateway.control import local_user
from gateway.store.looks import Looks
from gateway.store.records import Account, Session, Token
from gateway.store.store import Store
from gateway.throttle import Throttle
from routing.model import Time

Role = Literal["handler", "supervisor", "administrator"]
ROLES: Mapping[str, int] = {"handler": 0, "supervisor": 1, "administrator": 2}

HOUR = 3600.0
# A desk left closed for so long must sign in again; an open desk keeps its session alive.
IDLE_SECONDS = HOUR
TOUCH_SECONDS = 60.0
HASHING_AT_ONCE = 2
TOKEN_PREFIX = "cg_"


class WrongPassword(Exception):
    """The name or the password is wrong; which of them is not said. ``known`` is for the journal only."""

    def __init__(self, *, known: bool) -> None:
        super().__init__("The name or the password is wrong.")
        self.known = known


class TooManyTries(Exception):
    def __init__(self, seconds: float) -> None:
        super().__init__("Too many failed sign-ins. Wait a little, then try again.")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. ``by`` is how the journal names them; ``handler`` their handler's id, '' for programs.

    ``csrf`` is what unsafe requests must carry; '' where no cookie is involved.
    """

    name: str
    role: Role
    by: str
    handler: str = ""
    csrf: str = ""

    def may(self, role: Role) -> bool:
        return ROLES[self.role] >= ROLES[role]


@dataclass(frozen=True, slots=True)
class SignedIn:
    cookie: str
    expires_at: Time
    who: Principal


class Auth:
    def __init__(self, store: Store, clock: Clock, session_hours: float) -> None:
        self._store, self._clock, self._longest = store, clock, session_hours * HOUR
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self._hashing = asyncio.Semaphore(HASHING_AT_ONCE)
        self._sessions = asyncio.Lock()
        self._tries = Throttle()

    # --- passwords -----------------------------------------------------------------------------------

    async def hash(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def sign_in(self, name: str, password: str, address: str) -> SignedIn:
        """Raises WrongPassword, TooManyTries, StoreError. An unknown name takes as long as a wrong password."""
        keys = (f"{name}@{address}", f"@{address}")
        if wait := max(self._tries.wait(key, self._clock()) for key in keys):
            raise TooManyTries(wait)
        account = await self._store.account(name)
        right = await self._matches(account.password if account and account.password else self._nobody, password)
        if account is None or not right:
            for key, free in zip(keys, (5, 50), strict=True):
                self._tries.failed(key, self._clock(), free)
            raise WrongPassword(known=account is not None)
        self._tries.succeeded(keys[0])
        return await self._open(name, account.role, account.password)

    async def _matches(self, hashed: str, password: str) -> bool:
        async with self._hashing:
            try:
                return await asyncio.to_thread(self._hasher.verify, hashed, password)
            except (VerificationError, InvalidHashError):
                return False

    # --- sessions ------------------------------------------------------------------------------------

    async def _open(self, name: str, role: Role, password: str) -> SignedIn:
        now = self._clock()
        await self._store.forget_old_sessions(now)
        # The hour of sign-in is part of the cookie, and so of its hash: nobody can move it.
        cookie = f"{secrets.token_urlsafe(32)}.{int(now)}"
        session = Session(digest(cookie), name, _csrf(cookie, password), now + min(IDLE_SECONDS, self._longest))
        await self._store.save(session)
        return SignedIn(cookie, now + self._longest, Principal(name, role, f"handler:{name}", name, session.csrf))

    async def sign_out(self, cookie: str) -> None:
        async with self._sessions:
            await self._store.forget_session(digest(cookie))

    async def forget(self, name: str) -> None:
        """The account and all its sessions."""
        async with self._sessions:
            await self._store.forget_account(name)

    async def _by_cookie(self, cookie: str) -> Principal | None:
        session, account = await self._store.look(lambda looks: _opened_by(digest(cookie), looks))
        now = self._clock()
        if session is None or session.expires_at < now:
            return None
        # A new password ends the sessions that were opened with the old one.
        if account is None or not hmac.compare_digest(session.csrf, _csrf(cookie, account.password)):
            return None
        expires_at = min(now + IDLE_SECONDS, float(cookie.rpartition(".")[2]) + self._longest)
        if expires_at - session.expires_at > TOUCH_SECONDS:
            await self._keep_alive(replace(session, expires_at=expires_at))
        return Principal(account.name, account.role, f"handler:{account.name}", account.name, session.csrf)

    async def _keep_alive(self, session: Session) -> None:
        """Under the lock, so that a session that was just ended is not written again."""
        async with self._sessions:
            if await self._store.session(session.digest):
                await self._store.save(session)

    # --- anybody -------------------------------------------------------------------------------------

    async def identify(self, request: web.Request) -> Principal | None:
        """By the control socket, the bearer token or the session cookie; None for nobody. Raises StoreError."""
        if user := local_user(request):
            return Principal(user, "administrator", f"local:{user}")
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            token = await self._store.token(digest(bearer.strip()))
            return Principal(token.name, token.role, f"program:{token.name}") if token else None
        cookie = session_cookie(request)
        return await self._by_cookie(cookie) if cookie else None

    def new_token(self, name: str, role: Role) -> tuple[str, Token]:
        """The token itself, to be shown once, and what is kept of it."""
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)
        return text, Token(digest(text), name, role, self._clock())


def _opened_by(cookie: str, looks: Looks) -> tuple[Session | None, Account | None]:
    """The session of this cookie's digest, and whose it is."""
    session = looks.session(cookie)
    return session, looks.account(session.account) if session else None


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def _csrf(cookie: str, password: str) -> str:
    return hmac.new(password.encode(), cookie.encode(errors="surrogateescape"), hashlib.sha256).hexdigest()


def cookie_name(*, secure: bool) -> str:
    """Browsers let only a secure page of this very host set a ``__Host-`` cookie (RFC 6265bis, 4.1.3.2)."""
    return "__Host-session" if secure else "session"


def session_cookie(request: web.Request) -> str:
    return request.cookies.get(cookie_name(secure=True)) or request.cookies.get(cookie_name(secure=False)) or ""


def address_of(request: web.Request) -> str:
    """Where the request comes from; a proxy is believed only when it runs on this machine."""
    peer = request.remote or ""
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return forwarded if forwarded and peer in ("127.0.0.1", "::1") else peer
