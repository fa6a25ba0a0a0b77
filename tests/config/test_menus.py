"""A menu that would leave a caller standing, and every name that there is not, is found before anybody calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.load import SANDBOX, ConfigurationError, load
from config.menus import Destination
from config.settings import Settings

BASE = '[edge]\nphone_secret = "x"\n'
SOUND = """
[[menus]]
id = "main"
prompt = "greeting"
on_nothing = { queue = "general" }
on_wrong = { menu = "sub" }
options = [{ digits = "1", to = { menu = "sub" } }, { digits = "2", language = "cy" }]
[[menus]]
id = "sub"
prompt = "greeting"
on_nothing = { message = "closed" }
on_wrong = { voicemail = "2001" }
options = [{ digits = "1", to = { number = "+441632960200" } }]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site.toml"


def mistakes(site: Path, text: str) -> list[str]:
    site.write_text(BASE + text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load(site)
    return [line.removeprefix(f"{site}: ") for line in raised.value.mistakes]


def loaded(site: Path, text: str) -> Settings:
    site.write_text(BASE + text, encoding="utf-8")
    return load(site)


def test_menus_that_come_out_are_accepted(site: Path) -> None:
    assert [menu.id for menu in loaded(site, SOUND).menus] == ["main", "sub"]


def test_every_name_that_there_is_not_is_told_at_once(site: Path) -> None:
    found = mistakes(
        site,
        """
        [voice]
        comfort = ["soothing"]
        [[voice.numbers]]
        number = "101"
        queue = "general"
        hours = [{ calendar = "nights", open = { menu = "man" } }]
        to = { message = "sorry", then = { queue = "crime" } }
        [[menus]]
        id = "main"
        prompt = "main_menu"
        on_nothing = { voicemail = "crime" }
        on_wrong = { queue = "general" }
        options = [{ digits = "1", language = "fr" }]
        [prompts.languages.cy.texts]
        greetings = "Helo"
        """,
    )
    queues = "there are: emails, general, texts"
    assert found == [
        "menus[main].prompt: no words for 'main_menu'; add them to prompts.texts",
        "menus[main].options[1].language: no language 'fr'; there are: cy, en",
        f"menus[main].on_nothing.voicemail: no queue 'crime'; {queues}",
        "voice.numbers[101].hours: no calendar 'nights'; there are: office",
        "voice.numbers[101].hours[nights].open.menu: no menu 'man'; there are: main",
        "voice.numbers[101].to.message: no words for 'sorry'; add them to prompts.texts",
        f"voice.numbers[101].to.then.queue: no queue 'crime'; {queues}",
        "voice.comfort: no words for 'soothing'; add them to prompts.texts",
        "prompts.languages.cy.texts: 'greetings' has no words in prompts.texts, so nothing ever says it",
    ]


@pytest.mark.parametrize(("kind", "number"), [("number", "999"), ("extension", "999"), ("extension", "112")])
def test_nobody_is_led_to_an_emergency_number(site: Path, kind: str, number: str) -> None:
    [found] = mistakes(site, SOUND.replace('number = "+441632960200"', f'{kind} = "{number}"'))
    told = f"{number} is never dialled; the control room has its own targets"
    assert found == f"menus[sub].options[1].to.{kind}: {told}"


@pytest.mark.parametrize("number", ["118118", "999000", "960200"])
def test_nobody_is_led_to_a_number_that_no_carrier_knows(site: Path, number: str) -> None:
    [found] = mistakes(site, SOUND.replace("+441632960200", number))
    told = f"{number} is no whole telephone number (such as +441632960200) and not in routing.short_codes"
    assert found == f"menus[sub].options[1].to.number: {told}"
    [found] = mistakes(
        site, f'[[voice.interpreters]]\nlanguage = "polish"\nname = "Language line"\nnumber = "{number}"\n'
    )
    assert found == f"voice.interpreters[polish].number: {told}"


def test_a_menu_may_lead_to_a_short_code_that_the_carrier_takes(site: Path) -> None:
    assert loaded(site, SOUND.replace("+441632960200", "116123"))


def test_a_short_code_is_no_emergency_number(site: Path) -> None:
    [found] = mistakes(site, '[routing]\nshort_codes = ["111", "999"]\n')
    assert found == "routing.short_codes: 999 is never dialled; the control room has its own targets"


def test_no_interpreter_has_an_emergency_number(site: Path) -> None:
    interpreter = '[[voice.interpreters]]\nlanguage = "polish"\nname = "Language line"\nnumber = "+44999"\n'
    [found] = mistakes(site, interpreter)
    assert found.startswith("voice.interpreters[polish].number: +44999 is never dialled")


@pytest.mark.parametrize("way", ["on_nothing", "on_wrong"])
@pytest.mark.parametrize("back", ['{ menu = "main" }', '{ message = "closed", then = { menu = "main" } }'])
def test_a_menu_that_never_ends_is_refused(site: Path, way: str, back: str) -> None:
    text = SOUND.replace('on_wrong = { menu = "sub" }', f'on_wrong = {{ queue = "general" }}\n{way} = {back}', 1)
    text = text.replace('on_nothing = { queue = "general" }\n', "", 1) if way == "on_nothing" else text
    text = text.replace('on_wrong = { queue = "general" }\n', "", 1) if way == "on_wrong" else text
    [found] = mistakes(site, text)
    assert found.startswith(f"menus[main].{way}: never ends: main > main")


def test_two_menus_that_lead_into_each_other_are_refused(site: Path) -> None:
    found = mistakes(site, SOUND.replace('on_wrong = { voicemail = "2001" }', 'on_wrong = { menu = "main" }'))
    assert [line.partition("; ")[0] for line in found] == [
        "menus[main].on_wrong: never ends: main > sub > main",
        "menus[sub].on_wrong: never ends: sub > main > sub",
    ]


@pytest.mark.parametrize("digits", ["5", "55", "155"])
def test_an_option_in_the_way_of_the_emergency_digits_is_refused(site: Path, digits: str) -> None:
    found = mistakes(site, SOUND.replace('digits = "2"', f'digits = "{digits}"'))
    assert any(
        line.startswith(f"menus[main].options[{digits}].digits: gets in the way of the emergency") for line in found
    )


def test_an_option_that_another_one_hides_is_refused(site: Path) -> None:
    [found] = mistakes(site, SOUND.replace('digits = "2"', 'digits = "12"'))
    assert found == "menus[main].options[12].digits: can never be keyed, because 1 is an option already"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('{ queue = "general", menu = "sub" }', "must be exactly one of queue, menu"),
        ("{ }", "must be exactly one of queue, menu"),
        ('{ queue = "general", then = { menu = "sub" } }', "'then' can only follow a message"),
    ],
)
def test_a_destination_is_one_place(site: Path, wrong: str, said: str) -> None:
    [found] = mistakes(site, SOUND.replace('{ queue = "general" }', wrong, 1))
    assert found.startswith(f"menus[main].on_nothing: {said}")


def test_a_calendar_says_what_is_wrong_with_it(site: Path) -> None:
    found = mistakes(
        site, '[[calendars]]\nid = "day"\ntime_zone = "Europe/Lodnon"\nmonday = ["9-17"]\nbank_holidays = "wales"\n'
    )
    assert [line.partition(":")[0] for line in found] == [
        "calendars[day].time_zone",
        "calendars[day].monday.0",
        "calendars[day].bank_holidays",
    ]


def test_a_number_in_its_short_form_leads_nowhere_but_to_its_queue(site: Path) -> None:
    [number] = loaded(site, '[voice]\nnumbers = [{ number = "101", queue = "general" }]\n').voice.numbers
    assert (number.queue, number.hours, number.to) == ("general", (), None)


def test_a_destination_knows_its_kind() -> None:
    assert Destination(voicemail="2001").kind == "voicemail"


def test_the_sandboxs_own_menu_speaks_welsh_and_comes_out(tmp_path: Path) -> None:
    secret = {"edge": {"phone_secret": "x"}, "text": {"enabled": False}, "email": {"enabled": False}}
    settings = load(SANDBOX, overlay={**secret, "gateway": {"data_dir": str(tmp_path)}})
    [line] = [number for number in settings.voice.numbers if number.hours]
    [menu] = settings.menus

    assert line.hours[0].open == Destination(menu=menu.id)
    assert {option.language for option in menu.options} == {None, "en", "cy"}
    assert menu.prompt in settings.prompts.languages["cy"].texts


def test_a_mistake_within_a_menu_is_told_with_the_names_of_menu_and_option(site: Path) -> None:
    found = mistakes(
        site,
        """
        [[voice.numbers]]
        number = "101"
        queue = "general"
        hours = [{ calendar = "office" }]
        [[menus]]
        id = "main"
        prompt = "greeting"
        repeats = 9
        on_nothing = { queue = "general", number = "+441632960200" }
        options = [{ digits = "1", to = { queue = "general" } }, { digits = "2" }, { to = { queue = "general" } }]
        """,
    )
    assert sorted(line.partition(": ")[0] for line in found) == [
        "menus[main].on_nothing",
        "menus[main].on_wrong",
        "menus[main].options.2.digits",
        "menus[main].options[2]",
        "menus[main].repeats",
        "voice.numbers[101].hours[office]",
    ]
