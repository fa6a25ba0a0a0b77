"""The configuration says everything that is wrong with it at once, and never a secret."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from config.load import DEFAULT, ConfigurationError, load
from config.settings import Settings

SECRET = "correct-horse-battery-staple"
WITH_PHONES = f'[edge]\nphone_secret = "{SECRET}"\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site.toml"


@pytest.fixture(autouse=True)
def no_secrets_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_PHONE_SECRET", "GATEWAY_TEXT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def mistakes(path: Path, text: str) -> list[str]:
    """What is said about a site's file with this text; no secret is ever among it."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert SECRET not in str(raised.value)
    return raised.value.mistakes


def loaded(path: Path, text: str) -> Settings:
    path.write_text(text, encoding="utf-8")
    return load(path)


# --- mistakes ----------------------------------------------------------------------------------------


def test_every_mistake_is_told_at_once_with_file_key_and_what_is_allowed(site: Path) -> None:
    found = mistakes(
        site,
        """
        [gateway]
        log_level = "loud"
        [http]
        port = 99999
        [voice]
        slots = "many"
        emergency_digits = "help"
        media_lost_ends = ["everybody"]
        [outbox]
        atempts = 3
        """,
    )
    assert found == [
        f"{DEFAULT}: edge.phone_secret: the environment variable GATEWAY_PHONE_SECRET is not set",
        f"{site}: gateway.log_level: must be 'debug', 'info', 'warning' or 'error' (it is 'loud')",
        f"{site}: http.port: must be at most 65535 (it is 99999)",
        f"{site}: voice.slots: must be a whole number (it is 'many')",
        f"{site}: voice.emergency_digits: must be 1 to 4 digits (it is 'help')",
        f"{site}: voice.media_lost_ends.0: must be 'caller', 'handler', 'third', 'supervisor' or "
        "'control_room' (it is 'everybody')",
        f"{site}: outbox.atempts: there is no such setting; {DEFAULT} lists them all",
    ]


def test_names_that_disagree_are_told_at_once_each_with_its_own_key(site: Path) -> None:
    found = mistakes(
        site,
        WITH_PHONES
        + """
        [voice]
        default_queue = "generl"
        numbers = [{ number = "101", queue = "crimes" }, { number = "101", queue = "general" }]
        rtp_port_base = 16010
        [[centres]]
        id = "fcc"
        name = "One"
        [[centres]]
        id = "fcc"
        name = "Two"
        """,
    )
    assert found == [
        f"{site}: voice.default_queue: no queue 'generl'; there are: emails, general, texts",
        f"{site}: voice.numbers[101].queue: no queue 'crimes'; there are: emails, general, texts",
        f"{site}: centres: 'fcc' stands there twice; each must be unique",
        f"{site}: voice.numbers: '101' stands there twice; each must be unique",
        f"{DEFAULT}: voice.sip_port_base: overlaps the RTP ports (16 for each slot); move one of them",
    ]


def test_somebody_is_told_of_a_mail_that_waits_before_it_is_given_up(site: Path) -> None:
    (found,) = mistakes(site, WITH_PHONES + "[outbox]\ndeferred_hours = 1\n")
    assert "outbox" in found and "deferred_told_minutes must be less than deferred_hours" in found


@pytest.mark.parametrize("text", ["voice = 3", "[text]\nenabled = 'perhaps'", "queues = []", "edge = 'here'"])
def test_a_section_of_the_wrong_shape_is_a_mistake_like_any_other(site: Path, text: str) -> None:
    assert mistakes(site, text)


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_time_that_is_no_finite_number_is_a_mistake(site: Path, value: str) -> None:
    found = mistakes(site, WITH_PHONES + f"[routing]\nwrap_up_seconds = {value}\n")
    assert found == [f"{site}: routing.wrap_up_seconds: must be a finite number (it is {value})"]


def test_a_missing_key_of_a_list_is_named_by_its_entry(site: Path) -> None:
    found = mistakes(site, WITH_PHONES + '[[queues]]\nid = "general"\ntarget_seconds = 30\n')
    assert f"{site}: queues[general].name: is missing" in found


def test_a_file_that_is_not_there_or_not_toml_is_named(site: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load(site)
    assert mistakes(site, "slots = = 3")[0].startswith(f"{site}: is not valid TOML")
    site.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        load(site)


# --- secrets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f'[edge]\nphone_secret = "{SECRET}"\n[http]\nport = 0',
        f'[edge]\nphone_secrt = "{SECRET}"',
        f'[edge]\nphone_secret = ["{SECRET}"]',
        f'[edge]\nphone_secret = {{ value = "{SECRET}" }}',
        f'[store]\nurl = "postgres://gateway:{SECRET}@db/gateway"',
        f'[text]\nenabled = true\nauth_token = "{SECRET}"\nnumbers = "x"',
    ],
)
def test_no_mistake_ever_shows_a_secret(site: Path, text: str) -> None:
    assert mistakes(site, text)


def test_a_secret_that_is_a_number_is_not_shown_either(site: Path) -> None:
    found = mistakes(site, "[edge]\nphone_secret = 8675309\n")
    assert found and "8675309" not in "".join(found)


def test_a_secret_from_the_environment_in_a_setting_that_refuses_it_is_not_shown(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"mysql://gateway/{SECRET}")
    found = mistakes(site, WITH_PHONES + '[store]\nurl = { env = "DATABASE_URL" }')
    assert found == [f"{site}: store.url: must start with sqlite+aiosqlite:/// or postgresql+asyncpg://"]


def test_a_loaded_secret_is_not_printed_with_its_settings(site: Path) -> None:
    settings = loaded(site, WITH_PHONES)
    assert settings.edge.phone_secret.get_secret_value() == SECRET
    assert SECRET not in repr(settings) and SECRET not in str(settings.model_dump())


def test_a_secret_comes_from_the_environment(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PHONE_SECRET", SECRET)
    assert loaded(site, "").edge.phone_secret.get_secret_value() == SECRET


def test_a_secret_comes_from_the_first_line_of_a_file(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "phones"
    file.write_text(f"{SECRET}\nsecond line\n", encoding="utf-8")
    settings = loaded(site, f'[edge]\nphone_secret = {{ file = "{file}" }}')
    assert settings.edge.phone_secret.get_secret_value() == SECRET


def test_a_secrets_file_that_is_missing_empty_or_not_text_is_named(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "phones"
    text = f'[edge]\nphone_secret = {{ file = "{file}" }}'
    assert mistakes(site, text) == [
        f"{site}: edge.phone_secret: the secret's file {file} cannot be read: No such file or directory"
    ]
    file.touch()
    assert mistakes(site, text) == [f"{site}: edge.phone_secret: the secret's file {file} is empty"]
    file.write_bytes(b"\xff\xfe\n")
    assert mistakes(site, text) == [f"{site}: edge.phone_secret: the secret's file {file} is not text in UTF-8"]


def test_a_secret_comes_from_one_place_only(site: Path) -> None:
    (found,) = mistakes(site, '[edge]\nphone_secret = { env = "A", file = "/b" }')
    assert "not both" in found


def test_a_channel_that_is_off_needs_no_secret(site: Path) -> None:
    settings = loaded(site, "[voice]\nenabled = false\n")
    assert settings.edge.phone_secret.get_secret_value() == ""
    assert settings.text.auth_token.get_secret_value() == ""


def test_a_channel_that_is_on_needs_its_own(site: Path) -> None:
    numbers = '\naccount_sid = "AC1"\nnumbers = [{ number = "61016", queue = "texts" }]\n'
    found = mistakes(site, WITH_PHONES + "[text]\nenabled = true\n" + numbers)
    assert found == [f"{DEFAULT}: text.auth_token: the environment variable GATEWAY_TEXT_TOKEN is not set"]


# --- layers and paths --------------------------------------------------------------------------------


def test_tables_are_laid_over_each_other_and_lists_replaced(site: Path) -> None:
    settings = loaded(site, WITH_PHONES + '[[centres]]\nid = "north"\nname = "North"\n[voice]\nslots = 3\n')
    assert [c.id for c in settings.centres] == ["north"]
    assert (settings.voice.slots, settings.voice.emergency_digits) == (3, "55")


def test_an_overlay_is_laid_over_both(site: Path) -> None:
    site.write_text(WITH_PHONES + "[voice]\nslots = 3\n", encoding="utf-8")
    assert load(site, overlay={"voice": {"slots": 5}}).voice.slots == 5


def test_relative_paths_begin_at_the_data_directory(site: Path, tmp_path: Path) -> None:
    settings = loaded(
        site, WITH_PHONES + f'[gateway]\ndata_dir = "{tmp_path}"\nrun_dir = "run"\n[text]\nmedia_dir = "/elsewhere"\n'
    )
    assert settings.store.url == f"sqlite+aiosqlite:///{tmp_path}/gateway.db"
    assert settings.voice.music == tmp_path / "prompts/music.wav"
    assert settings.edge.rpc_socket == tmp_path / "run/kamailio.sock"
    assert str(settings.text.media_dir) == "/elsewhere"


def test_settings_are_frozen(site: Path) -> None:
    settings = loaded(site, WITH_PHONES)
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings.voice, "slots", 4)  # noqa: B010


def test_what_does_not_agree_is_said_together_with_what_is_wrong_by_itself(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        """
        [http]
        port = 99999
        [voice]
        numbers = [{ number = "101", queue = "nope" }, { number = "101", queue = "general" }]
        [edge]
        phone_secret = "x"
        [[edge.trunks]]
        name = "carrier"
        host = "192.0.2.1"
        sources = ["999.1.1.1/99"]
        [[edge.trunks]]
        name = "second"
        host = "192.0.2.2"
        transport = "tls"
        sources = ["192.0.2.2"]
        """
    )
    with pytest.raises(ConfigurationError) as error:
        load(site)
    text = "\n".join(error.value.mistakes)
    for expected in (
        "http.port",
        "no queue 'nope'",
        "'101' stands there twice",
        "edge.trunks[carrier].sources",
        "edge.tls_certificate: is missing",
    ):
        assert expected in text


WITNESS = """
[edge]
phone_secret = "x"
[voice]
default_queue = "witness"
numbers = [{ number = "101", queue = "witness" }]
[follow_ups]
queue = "witness"
[[queues]]
id = "general"
name = "General"
target_seconds = 30
overflow = { nobody_on_duty = [{ queue = "witness" }] }
[[queues]]
id = "witness"
name = "Witness line"
target_seconds = 30
most_waiting = 9
overflow = { full = [{ queue = "texts" }, { callback = true }] }
[[queues]]
id = "texts"
name = "Texts"
target_seconds = 30
"""


@pytest.mark.parametrize(
    ("instead", "of", "key"),
    [
        ("target_seconds = -1\nmost", "target_seconds = 30\nmost", "target_seconds"),
        ("most", "target_seconds = 30\nmost", "target_seconds"),
        ("", 'name = "Witness line"', "name"),
        ('skills = ["French 2"]\nmost', "most", "skills.0"),
        ('wanted = [{ skill = "french:1" }]\nmost', "most", "wanted.0.for_seconds"),
        ("target = 30\nmost", "most", "target"),
        ("most_waiting = -1", "most_waiting = 9", "most_waiting"),
        (
            'full = [{ stay = "overflow_stay", callback = true }]',
            'full = [{ queue = "texts" }, { callback = true }]',
            "overflow.full.0",
        ),
        ("ful =", "full =", "overflow.ful"),
    ],
)
def test_one_mistake_in_a_queue_makes_no_others_where_the_queue_is_named(
    site: Path, instead: str, of: str, key: str
) -> None:
    assert WITNESS.count(of) == 1 and loaded(site, WITNESS)
    told = [mistake.split(": ")[1] for mistake in mistakes(site, WITNESS.replace(of, instead))]
    assert told == [f"queues[witness].{key}"]


def test_a_queue_without_an_id_is_not_missed_and_takes_nobody_s_name(site: Path) -> None:
    (told,) = mistakes(site, WITNESS.replace('id = "witness"', ""))
    assert told == f"{site}: queues[Witness line].id: is missing"


def test_what_a_mended_mistake_hid_is_told_all_the_same(site: Path) -> None:
    text = WITNESS.replace("target_seconds = 30\nmost", "target_seconds = -1\nmost").replace(
        '"witness" }]\n[follow', '"witnes" }]\n[follow'
    ).replace('{ queue = "texts" }', '{ queue = "general" }')  # fmt: skip
    assert [mistake.split(": ")[1] for mistake in mistakes(site, text)] == [
        "queues[witness].target_seconds",
        "voice.numbers[101].queue",
        "queues[general].overflow",
        "queues[witness].overflow",
    ]


def test_a_list_with_one_wrong_entry_is_not_also_said_to_be_empty(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[control_room]\ntargets = [{ name = "A", uri = "nowhere" }]\n[edge]\nphone_secret = "x"\n')
    with pytest.raises(ConfigurationError) as error:
        load(site)
    assert [m for m in error.value.mistakes if "control_room" in m and "at least" in m] == []
    assert any("control_room.targets[A].uri" in m for m in error.value.mistakes)


@pytest.mark.parametrize(
    ("statistics", "why"),
    [
        ({"bands": [30, 10]}, "must ascend"),
        ({"bands": []}, "at least 1"),
        ({"time_zone": "Mars/Base"}, "IANA database"),
    ],
)
def test_the_statistics_bands_and_time_zone_are_checked(statistics: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(overlay={"statistics": statistics})
    assert any("statistics." in mistake and why in mistake for mistake in refused.value.mistakes)


def test_a_day_of_a_calendars_own_stands_there_once() -> None:
    """Of two Christmases with different hours only the first would hold."""
    own = [{"date": date(2026, 12, 25), "hours": hours} for hours in ([], ["10:00-12:00"])]
    with pytest.raises(ConfigurationError) as refused:
        load(overlay={"edge": {"phone_secret": "x"}, "calendars": [{"id": "office", "own_days": own}]})
    (mistake,) = refused.value.mistakes
    assert "calendars[office].own_days: 2026-12-25 stands there twice" in mistake


@pytest.mark.parametrize(
    ("section", "name", "value", "why"),
    [
        ("routing", "voice_offer_seconds", 0.001, "must be at least 5"),
        ("routing", "text_offer_seconds", 0.001, "must be at least 5"),
        ("routing", "email_offer_seconds", 0.001, "must be at least 5"),
        ("routing", "wrap_up_seconds", 1e9, "must be at most 86400"),
        ("routing", "wrap_up_alarm_seconds", 1e9, "must be at most 86400"),
        ("routing", "emergency_alarm_again_seconds", 1e9, "must be at most 600"),
        ("routing", "emergency_silence_seconds", 1e9, "must be at most 3600"),
        ("routing", "emergency_email_silence_seconds", 1e9, "must be at most 86400"),
        ("routing", "cut_off_seconds", 1e9, "must be at most 60"),
        ("routing", "return_minutes", 1e9, "must be at most 1440"),
        ("follow_ups", "ring_seconds", 1e9, "must be at most 120"),
        ("follow_ups", "attempts", 1000, "must be at most 20"),
        ("follow_ups", "retry_minutes", 1e9, "must be at most 1440"),
        ("follow_ups", "callback_window_hours", 1e9, "must be at most 168"),
    ],
)
def test_no_number_can_stop_the_offers_the_alarms_or_the_calls_back(
    section: str, name: str, value: float, why: str
) -> None:
    """Of an offer too short to be taken nobody is ever answered; an alarm in thirty years is none."""
    with pytest.raises(ConfigurationError) as refused:
        load(overlay={"edge": {"phone_secret": "x"}, section: {name: value}})
    (mistake,) = refused.value.mistakes
    assert f"{section}.{name}: {why}" in mistake


@pytest.mark.parametrize(
    ("alarms", "why"),
    [
        ({"caller_seconds": -1}, "queue_alarms.caller_seconds: must be at least 0 (it is -1)"),
        ({"overdue_times": 0.5}, "queue_alarms.overdue_times: must be 0 (never) or at least 1"),
        ({"settled_seconds": 0}, "queue_alarms.settled_seconds: must be more than 0 (it is 0)"),
        ({"again": 30}, "queue_alarms.again: there is no such setting"),
    ],
)
def test_the_limits_of_the_queue_alarms_are_checked(alarms: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(overlay={"edge": {"phone_secret": "x"}, "queue_alarms": alarms})
    (mistake,) = refused.value.mistakes
    assert why in mistake
