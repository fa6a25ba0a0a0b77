"""What several tests of the email channel need."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.sandbox.mail import Certificate, Dovecot
from tests.channels.email.reading import ADDRESS, PASSWORD, Ledger


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate for 'localhost' that signs itself."""
    made = Certificate(tmp_path / "chain.pem", tmp_path / "key.pem")
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(made.key), "-out", str(made.chain)]
    subprocess.run([*request.split(), *names, *files], check=True, capture_output=True, timeout=10)
    return made


@pytest.fixture
async def dovecot(tmp_path: Path) -> AsyncIterator[Dovecot]:
    async with Dovecot(tmp_path, {ADDRESS: PASSWORD}) as server:
        yield server


@pytest.fixture
async def ledger() -> Ledger:
    return Ledger()
