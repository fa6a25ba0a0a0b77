"""Which message of ours it is, in words, for the story of its contact."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.store.looks import Looks
from gateway.store.records import Message

A_MESSAGE = "a message"


def name_of(message: Message, looks: Looks) -> str:
    """By who wrote it and when; with its number where its writer wrote others in the same second."""
    _, _, who = message.by.partition(":")
    whose = "the automatic message" if message.automatic or not who else f"{who}'s message"
    of_its_second = looks.of_its_second(message)
    number = f" no. {of_its_second.index(message.id) + 1}" if len(of_its_second) > 1 else ""
    return f"{whose}{number} of {datetime.fromtimestamp(message.at, UTC):%H:%M:%S} UTC"
