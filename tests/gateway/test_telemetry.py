"""Log lines are JSON, carry their contact, and never a person's words or address."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from gateway.store.documents import KINDS
from gateway.story import SENTENCES
from gateway.telemetry import configure_logs


@pytest.fixture(autouse=True)
def as_before() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_line_of_a_contacts_life_carries_its_reference(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")

    with structlog.contextvars.bound_contextvars(contact="AAAA-0001"):
        structlog.get_logger().info("text_taken", attachments=2)
    structlog.get_logger().debug("not_shown")

    (line,) = lines(capsys)
    assert (line["event"], line["contact"], line["level"], line["attachments"]) == (
        "text_taken",
        "AAAA-0001",
        "info",
        2,
    )
    assert str(line["timestamp"]).endswith("Z")


def test_what_belongs_to_a_person_is_dropped_at_any_depth(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")

    structlog.get_logger().info("x", body="help", party={"address": "+44"}, parts=[{"Password": "p", "size": 1}])

    assert "+44" not in (line := json.dumps(lines(capsys)))
    assert "help" not in line
    assert '"parts": [{"size": 1}]' in line


def test_the_libraries_lines_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")

    logging.getLogger("aiohttp.server").error("bad request from %s", "somewhere")

    (line,) = lines(capsys)
    assert (line["event"], line["level"]) == ("bad request from somewhere", "error")


def test_every_kind_of_row_has_its_sentence() -> None:
    assert set(SENTENCES) == set(KINDS)
