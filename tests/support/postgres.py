"""A PostgreSQL server of our own, in a directory that is thrown away; it can be stopped and started."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg  # type: ignore[import-untyped]

USER = "postgres"
DEADLINE = 30.0
# Nothing here needs to outlive a power cut.
FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=60")


class Postgres:
    """``url(database)`` is what the settings take; ``stop`` and ``start`` are what an administrator does."""

    def __init__(self) -> None:
        self._bin = programs()
        self._directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._data = self._directory / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.port = free_port()
        if os.geteuid() == 0:
            shutil.chown(self._directory, USER, USER)
        self._run("initdb", "-D", str(self._data), "-A", "trust", "-U", USER, "--no-sync", "-E", "UTF8", "--no-locale")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._directory)

    def start(self) -> None:
        """Returns when connections are taken."""
        options = ("-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
        log = (self._directory / "log").open("ab")
        with log:
            command = [*self._as_user(), str(self._bin / "postgres"), "-D", str(self._data), *options, *FAST]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        self._await_answer()

    def stop(self) -> None:
        """A fast shutdown: connections are cut, what was committed stays."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        self._process.wait(DEADLINE)
        self._process = None

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://{USER}@127.0.0.1:{self.port}/{database}"

    async def create(self) -> str:
        """A fresh database's url."""
        self._databases += 1
        name = f"test{self._databases}"
        await self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    async def execute(self, database: str, statement: str) -> None:
        connection = await asyncpg.connect(host="127.0.0.1", port=self.port, user=USER, database=database, timeout=5)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + DEADLINE
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False, timeout=DEADLINE).returncode != 0:
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._directory / "log").read_text(encoding="utf-8"))
            time.sleep(0.02)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user(), str(self._bin / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE, cwd="/")

    def _as_user(self) -> tuple[str, ...]:
        """PostgreSQL refuses to be run by root. ``setpriv`` becomes the program, so its pid is the server's."""
        if os.geteuid() != 0:
            return ()
        pwd.getpwnam(USER)
        return ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")


def programs() -> Path:
    """Where Debian puts the server's programs: they are not on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: these tests need it (Debian: apt install postgresql)")
    return found[-1].parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
