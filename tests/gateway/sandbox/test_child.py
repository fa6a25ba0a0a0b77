"""A gateway that starts slowly is waited for while it gets on; one that stands still is given up, with the reason."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from config.load import load
from gateway.sandbox import child
from gateway.sandbox.child import GatewayError, GatewayProcess
from gateway.sandbox.place import chosen_ports
from gateway.sandbox.ports import first_free_block
from gateway.sandbox.site import write_site
from gateway.sandbox.world import SLOTS

STUCK_SECONDS = 1.6


async def test_one_that_works_on_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    works = "i = 0\nwhile time.process_time() < 2.2:\n    i += 1\nraise SystemExit(7)"

    with pytest.raises(GatewayError, match="the gateway ended at once, with 7"):  # after 2.2 s: nobody gave it up
        await gateway(tmp_path, monkeypatch, works).start()


async def test_one_that_stands_still_is_ended_and_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = gateway(tmp_path, monkeypatch, "print('waiting for the moon', flush=True)\ntime.sleep(60)")

    with pytest.raises(GatewayError, match=r"(?s)does not get ready: it does not answer at .*waiting for the moon"):
        await process.start()
    assert process.pid is None


def gateway(directory: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> GatewayProcess:
    """One that does this instead."""
    program = directory / "program"
    program.write_text(f"#!{sys.executable} -IS\nimport time\n{does}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(child, "STUCK_SECONDS", STUCK_SECONDS)
    monkeypatch.setattr(child, "PROGRESS_CPU_SECONDS", 0.1)
    site = write_site(directory, directory, chosen_ports(first_free_block(SLOTS)), SLOTS, {})
    return GatewayProcess(site, load(site), directory / "gateway.log")
