"""A certificate for servers on this machine, which signs itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gateway.sandbox.dovecot import Certificate

SECONDS = 10


def self_signed(folder: Path) -> Certificate:
    """For 'localhost', made anew in ``folder``."""
    made = Certificate(folder / "chain.pem", folder / "key.pem")
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(made.key), "-out", str(made.chain)]
    subprocess.run([*request.split(), *names, *files], check=True, capture_output=True, timeout=SECONDS)
    return made
