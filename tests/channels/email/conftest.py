"""What several tests of the email channel need."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.sandbox.certificate import self_signed
from gateway.sandbox.mail import Certificate, Dovecot
from tests.channels.email.reading import ADDRESS, PASSWORD, Ledger


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate for 'localhost' that signs itself."""
    return self_signed(tmp_path)


@pytest.fixture
async def dovecot(tmp_path: Path) -> AsyncIterator[Dovecot]:
    async with Dovecot(tmp_path, {ADDRESS: PASSWORD}) as server:
        yield server


@pytest.fixture
async def ledger() -> Ledger:
    return Ledger()
