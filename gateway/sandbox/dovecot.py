"""A real Dovecot for the sandbox and the tests, private and on loopback only."""

from __future__ import annotations

import asyncio
import base64
import grp
import os
import pwd
import shutil
import signal
import smtplib
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 5.0
DELIVER_SECONDS = 10.0
PROGRAM = "dovecot"
PACKAGES = "install Dovecot with: apt-get install dovecot-imapd dovecot-lmtpd"

DOVECOT_CONF = """\
protocols = imap lmtp
listen = {host}
base_dir = {home}/run
state_dir = {home}/state
log_path = /dev/stderr
disable_plaintext_auth = no
auth_failure_delay = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{home}/mail/%Lu
auth_username_format = %Lu
{oauth2}
passdb {{
  driver = passwd-file
  args = username_format=%Lu {home}/users
}}
userdb {{
  driver = static
  args = home={home}/home/%Lu
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0600
  }}
}}
{capability}
{tls}
"""

OAUTH2_CONF = """\
auth_mechanisms = plain login xoauth2
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {home}/oauth2.conf
}}
"""

INTROSPECTION_CONF = """\
introspection_mode = post
introspection_url = {url}
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
"""


class MailServerError(RuntimeError):
    """A sandbox mail server cannot run; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A PEM certificate and its key; with it Dovecot also offers STARTTLS and TLS."""

    chain: Path
    key: Path


class Dovecot:
    """A private Dovecot: IMAP with login on loopback, Maildir, LMTP delivery.

    ``users`` maps mail addresses to passwords. With ``introspection_url`` they can sign in by XOAUTH2 as well, with a
    token that holds there (RFC 7662, with the address as ``username``). ``capability``: all that it says it can, when
    that is to be less than it can. The log is ``run_dir/dovecot.log``. Mail and
    sockets live in ``home``, a short temporary directory, because socket paths end at 107 bytes and Dovecot never
    opens mail as root: started by root, it runs as the package's own ``dovecot`` user.
    """

    def __init__(
        self,
        run_dir: Path,
        users: dict[str, str],
        imap_port: int = 0,
        certificate: Certificate | None = None,
        introspection_url: str = "",
        capability: str = "",
    ) -> None:
        self.host = LOOPBACK
        self._introspection_url, self._capability = introspection_url, capability
        self.imap_port = imap_port or free_port()
        self.imaps_port = free_port() if certificate else 0
        self.users = {address.lower(): password for address, password in users.items()}
        self.home = Path("not-running")
        self._log_file = run_dir / "dovecot.log"
        self._certificate = certificate
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self.home = Path(tempfile.mkdtemp(prefix="dovecot-"))
        try:
            self._write_configuration()
            await self.start()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def start(self) -> None:
        """Start on the same ports with the same mail, and return once IMAP and LMTP answer."""
        program = shutil.which(PROGRAM, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise MailServerError(f"dovecot is missing; {PACKAGES}")
        _require_free(self.host, self.imap_port)
        account = _account()
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                # setpriv: when we die without stopping it, it must not stay behind.
                *("setpriv", "--pdeathsig", "TERM", program, "-F", "-c", str(self.home / "dovecot.conf")),
                stderr=log,
                start_new_session=True,
                user=account.pw_uid if _root() else None,
                group=account.pw_gid if _root() else None,
                extra_groups=[] if _root() else None,
            )
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._answering()
        except TimeoutError:
            await self.stop()
            raise MailServerError(f"dovecot did not start; {PACKAGES}; it said: {self._last_words()}") from None

    async def stop(self, kindly: bool = True) -> None:
        """Stop; connected clients lose their connection and the mail stays. Unkindly: killed on the spot."""
        process, self._process = self._process, None
        if process is None:
            return
        if kindly:
            await self._ask_to_stop(process)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def _ask_to_stop(self, process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_SECONDS)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Connections stay open and nobody answers, as on a broken network."""
        os.killpg(self.process_group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process_group, signal.SIGCONT)

    async def deliver(self, raw: bytes, recipient: str, sender: str = "") -> None:
        """Put one message into the recipient's mailbox through LMTP (RFC 2033).

        Raises ``smtplib.SMTPException`` when Dovecot refuses it.
        """
        await asyncio.to_thread(self.deliver_now, raw, recipient, sender)

    @property
    def process_group(self) -> int:
        """All of its processes, for ``os.killpg``."""
        if self._process is None:
            raise MailServerError("dovecot is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None

    def let_in(self, users: dict[str, str]) -> None:
        """While it is stopped: from now on these passwords count."""
        self.users = {address.lower(): password for address, password in users.items()}
        self._write_users()

    def folders(self, address: str) -> dict[str, int]:
        """How many messages lie in each folder of this user."""
        top = self.mail_dir(address)
        found = {"INBOX": top} | {path.name[1:]: path for path in sorted(top.glob(".*")) if path.is_dir()}
        return {
            name: sum(1 for part in ("cur", "new") for _ in (path / part).glob("*")) for name, path in found.items()
        }

    def mail_dir(self, address: str) -> Path:
        """The Maildir of one user."""
        return self.home / "mail" / address.lower()

    def forget_uids(self, address: str) -> None:
        """While it is stopped: the mail stays, and gets other UIDs and another UIDVALIDITY when it is next opened."""
        for path in self.mail_dir(address).glob("dovecot*"):
            path.unlink()

    def deliver_now(self, raw: bytes, recipient: str, sender: str = "") -> None:
        """As ``deliver``, while the event loop stands still."""
        with smtplib.LMTP(str(self.home / "run" / "lmtp"), timeout=DELIVER_SECONDS) as lmtp:
            lmtp.sendmail(sender, [recipient], raw)

    def _write_configuration(self) -> None:
        account = _account()
        text = DOVECOT_CONF.format(
            host=self.host,
            home=self.home,
            user=account.pw_name,
            group=_group_name(account.pw_gid),
            imap_port=self.imap_port,
            imaps_port=self.imaps_port,
            tls=self._tls_settings(),
            capability=f"imap_capability = {self._capability}" if self._capability else "",
            oauth2=OAUTH2_CONF.format(home=self.home) if self._introspection_url else "",
        )
        (self.home / "dovecot.conf").write_text(text)
        (self.home / "oauth2.conf").write_text(INTROSPECTION_CONF.format(url=self._introspection_url))
        self._write_users()
        for path in (self.home, *self.home.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)

    def _write_users(self) -> None:
        lines = [
            f"{address}:{{PLAIN.b64}}{base64.b64encode(password.encode()).decode()}\n"
            for address, password in self.users.items()
        ]
        (self.home / "users").write_text("".join(lines))

    def _tls_settings(self) -> str:
        if self._certificate is None:
            return "ssl = no"
        shutil.copy(self._certificate.chain, self.home / "chain.pem")
        shutil.copy(self._certificate.key, self.home / "key.pem")
        return f"ssl = yes\nssl_cert = <{self.home}/chain.pem\nssl_key = <{self.home}/key.pem"

    async def _answering(self) -> None:
        while not (await self._greets() and (self.home / "run" / "lmtp").is_socket()):
            if self._process is None or self._process.returncode is not None:
                raise TimeoutError
            await asyncio.sleep(0.02)

    async def _greets(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(self.host, self.imap_port)
        except OSError:
            return False
        try:
            return (await reader.readline()).startswith(b"* OK")
        except OSError:
            return False
        finally:
            writer.close()

    def _last_words(self) -> str:
        lines = self._log_file.read_text(errors="replace").splitlines()
        return " / ".join(lines[-3:]) or "nothing"

    async def _leave(self) -> None:
        await self.stop(kindly=False)
        # A process that is just being killed may still write a file behind our back.
        async with asyncio.timeout(STOP_SECONDS):
            while self.home.exists():
                shutil.rmtree(self.home, ignore_errors=True)
                await asyncio.sleep(0)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        # As Dovecot does: connections that were closed a moment ago do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise MailServerError(f"port {port} for IMAP cannot be used: {error.strerror}") from error


def _root() -> bool:
    return os.geteuid() == 0


def _account() -> pwd.struct_passwd:
    """Who Dovecot runs as: we ourselves, or the package's user when we are root."""
    try:
        return pwd.getpwnam("dovecot") if _root() else pwd.getpwuid(os.geteuid())
    except KeyError:
        raise MailServerError(f"there is no user 'dovecot' to run as; {PACKAGES}") from None


def _group_name(gid: int) -> str:
    return grp.getgrgid(gid).gr_name
