"""An overflow that goes round for ever, never happens or ends nowhere is found before anybody calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.load import ConfigurationError, load
from config.overflow import Overflow, Step

BASE = '[edge]\nphone_secret = "x"\n'
SOUND = """
[[queues]]
id = "general"
name = "General"
target_seconds = 30
[[queues]]
id = "crime"
name = "Crime"
target_seconds = 30
calendar = "office"
most_waiting = 10
longest_wait_seconds = 600
[queues.overflow]
closed = [{ voicemail = "crime" }]
full = [{ queue = "general" }, { callback = true }]
nobody_on_duty = [{ number = "+441632960200" }, { stay = "overflow_stay" }]
longest_wait = [{ queue = "general" }]
[[queues]]
id = "texts"
name = "Texts"
target_seconds = 30
[[queues]]
id = "emails"
name = "Emails"
target_seconds = 30
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site.toml"


def mistakes(site: Path, *changes: tuple[str, str]) -> list[str]:
    text = SOUND
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    site.write_text(BASE + text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load(site)
    return [line.removeprefix(f"{site}: ") for line in raised.value.mistakes]


def test_a_sound_overflow_is_accepted(site: Path) -> None:
    site.write_text(BASE + SOUND, encoding="utf-8")
    crime = next(queue for queue in load(site).queues if queue.id == "crime")
    assert [step.kind for step in crime.overflow.full] == ["queue", "callback"]


def test_every_chain_ends_with_a_voicemail_or_with_waiting_on() -> None:
    overflow = Overflow(full=(Step(queue="general"),), closed=(Step(voicemail="crime"),))
    assert [step.kind for step in overflow.steps("full")] == ["queue", "stay"]
    assert [step.kind for step in overflow.steps("closed")] == ["voicemail"]
    assert overflow.steps("longest_wait") == ()


def test_queues_that_lead_round_for_ever_are_refused_whatever_the_cause(site: Path) -> None:
    back = 'target_seconds = 30\n[queues.overflow]\nnobody_on_duty = [{ queue = "crime" }]\n'
    found = mistakes(site, ("target_seconds = 30\n", back))
    assert found == [
        "queues[general].overflow: never ends: general > crime > general; "
        "one of them must lead to voicemail, to a number, to a call back, or stay",
        "queues[crime].overflow: never ends: crime > general > crime; "
        "one of them must lead to voicemail, to a number, to a call back, or stay",
    ]


def test_a_queue_cannot_lead_to_itself(site: Path) -> None:
    assert mistakes(site, ('full = [{ queue = "general" }', 'full = [{ queue = "crime" }'))[0].startswith(
        "queues[crime].overflow: never ends: crime > crime"
    )


def test_every_name_that_there_is_not_is_told_at_once(site: Path) -> None:
    found = mistakes(
        site,
        ('calendar = "office"', 'calendar = "nights"'),
        ('full = [{ queue = "general" }', 'full = [{ queue = "generol" }'),
        ('{ voicemail = "crime" }', '{ voicemail = "crimes" }'),
        ('{ stay = "overflow_stay" }', '{ stay = "patience" }'),
    )
    assert found == [
        "queues[crime].calendar: no calendar 'nights'; there are: office",
        "queues[crime].overflow.closed[0].voicemail: no queue 'crimes'; there are: crime, emails, general, texts",
        "queues[crime].overflow.nobody_on_duty[1].stay: no words for 'patience'; add them to prompts.texts",
        "queues[crime].overflow.full[0].queue: no queue 'generol'; there are: crime, emails, general, texts",
    ]


@pytest.mark.parametrize(
    ("condition", "cause"),
    [
        ('calendar = "office"\n', "closed"),
        ("most_waiting = 10\n", "full"),
        ("longest_wait_seconds = 600\n", "longest_wait"),
    ],
)
def test_what_never_happens_is_a_mistake(site: Path, condition: str, cause: str) -> None:
    key = condition.partition(" ")[0]
    assert mistakes(site, (condition, "")) == [
        f"queues[crime].overflow.{cause}: never happens; set queues[crime].{key}"
    ]


def test_a_limit_that_leads_nowhere_is_a_mistake(site: Path) -> None:
    found = mistakes(site, ('longest_wait = [{ queue = "general" }]\n', ""))
    assert found == [
        "queues[crime].longest_wait_seconds: leads nowhere; give the steps in queues[crime].overflow.longest_wait"
    ]


def test_what_stands_behind_a_step_that_is_always_possible_is_never_reached(site: Path) -> None:
    (found,) = mistakes(site, ('{ voicemail = "crime" }', '{ voicemail = "crime" }, { callback = true }'))
    assert "is always possible" in found and found.startswith("queues[crime].overflow.closed[0].voicemail")


def test_an_emergency_number_is_never_a_step(site: Path) -> None:
    (found,) = mistakes(site, ("+441632960200", "999"))
    assert found.startswith("queues[crime].overflow.nobody_on_duty[0].number: 999 is never dialled")


def test_a_step_is_one_thing(site: Path) -> None:
    (found,) = mistakes(site, ("{ callback = true }", '{ callback = true, queue = "general" }'))
    assert "must be exactly one of queue, callback, voicemail, number, stay" in found
