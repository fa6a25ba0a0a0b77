"""What a caller meets in menus: right, wrong and missing keys, languages, messages, and always a way out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from channels.voice.menu import MOST_KEYS, Emergency, Ends, Leads, Menus, Playing, State, Step
from config.menus import Destination, Menu, Option


def to(**place: object) -> Destination:
    return Destination.model_validate(place)


GENERAL, CRIME = to(queue="general"), to(queue="crime")
MAIN = Menu(
    id="main",
    prompt="main_menu",
    timeout_seconds=4,
    repeats=1,
    options=(
        Option(digits="1", to=CRIME),
        Option(digits="2", to=to(message="lost_property", then={"menu": "main"})),
        Option(digits="3", to=to(menu="more")),
        Option(digits="42", to=to(extension="2001")),
        Option(digits="8", to=to(message="opening_hours")),
        Option(digits="9", language="cy"),
    ),
    on_nothing=GENERAL,
    on_wrong=to(voicemail="general"),
)
MORE = Menu(
    id="more",
    prompt="more_menu",
    barge_in=False,
    repeats=0,
    options=(Option(digits="0", to=to(menu="main")), Option(digits="1", to=to(number="+441632960200"))),
    on_nothing=to(menu="main"),
    on_wrong=to(menu="main"),
)
MENUS = Menus({"main": MAIN, "more": MORE}, "55")
LISTEN = "."  # the prompt is heard to its end
SILENCE = "_"  # no key in time


def after(events: str, destination: Destination | None = None) -> Step:
    """The step after these keys, silences and prompts heard."""
    step = MENUS.start(destination or to(menu="main"), "en")
    for event in events:
        assert isinstance(step, Playing), f"over before {event}: {step}"
        step = happens(step.state, event)
    return step


def happens(state: State, event: str) -> Step:
    if event == LISTEN:
        return MENUS.prompt_finished(state)
    return MENUS.timed_out(state) if event == SILENCE else MENUS.pressed(state, event)


def played(step: Step) -> tuple[str, ...]:
    assert isinstance(step, Playing)
    return step.play


def test_a_menu_says_its_prompt_and_then_waits() -> None:
    start, heard = after(""), after(LISTEN)
    assert isinstance(start, Playing) and isinstance(heard, Playing)
    assert (start.play, start.interruptible, start.wait_seconds) == (("main_menu",), True, 0)
    assert (heard.play, heard.wait_seconds) == ((), 4)


def test_what_is_no_menu_leads_at_once() -> None:
    assert after("", CRIME) == Leads(CRIME, "en")


def test_a_key_leads_also_while_the_prompt_is_speaking() -> None:
    assert after("1") == after(".1") == Leads(CRIME, "en")


def test_without_barge_in_a_key_counts_only_after_the_prompt() -> None:
    early, start = after("31"), after("3")
    assert played(early) == () and isinstance(start, Playing) and not start.interruptible
    assert after("31.1") == after("3.1") == Leads(to(number="+441632960200"), "en")


def test_an_option_of_two_digits_waits_for_the_second() -> None:
    waiting = after("4")
    assert isinstance(waiting, Playing) and (waiting.play, waiting.wait_seconds) == ((), 4)
    assert after("42") == Leads(to(extension="2001"), "en")


def test_half_an_option_and_an_unknown_key_are_wrong_and_the_menu_is_said_again() -> None:
    assert played(after("4_")) == played(after("7")) == ("invalid_choice", "main_menu")
    assert after("71") == Leads(CRIME, "en")
    assert after("77") == Leads(to(voicemail="general"), "en")


def test_silence_repeats_and_then_leads_where_silence_leads() -> None:
    assert played(after("._")) == ("main_menu",)
    assert after("._._") == Leads(GENERAL, "en")


def test_a_language_is_kept_from_there_on() -> None:
    assert played(after("9")) == ("main_menu",)
    assert after("91") == Leads(CRIME, "cy")
    assert after("93.0_._") == Leads(GENERAL, "cy")


def test_a_message_goes_on_or_ends_politely() -> None:
    assert played(after("2")) == ("lost_property",)
    assert played(after("2.")) == ("main_menu",)
    assert played(after("8")) == ("opening_hours", "goodbye")
    assert after("8.") == Ends("en")


def test_a_menu_within_a_menu_begins_its_own_count() -> None:
    assert after("73._71") == Leads(CRIME, "en")


def test_the_emergency_digits_win_everywhere() -> None:
    assert after("55") == after(".5_5") == after("355") == after("855") == after("4255"[:1] + "55") == Emergency("en")


def test_a_first_emergency_digit_is_not_a_wrong_key() -> None:
    assert played(after("5")) == ()
    assert after("51") == Leads(CRIME, "en")
    assert played(after("5_")) == ("main_menu",)


@given(st.text(alphabet="0123456789*#", min_size=2, max_size=4).filter(lambda d: d[0] in "567*#"), st.data())
def test_whatever_is_pressed_or_not_every_caller_comes_out(emergency_digits: str, data: st.DataObject) -> None:
    menus = Menus(MENUS.menus, emergency_digits)
    step = menus.start(to(menu="main"), "en")
    heard = 0
    for _ in range(3 * MOST_KEYS):
        if not isinstance(step, Playing):
            break
        if step.play and not (step.interruptible and data.draw(st.booleans())):
            step, heard = menus.prompt_finished(step.state), heard + 1
        elif key := data.draw(st.sampled_from(" 0123456789*#")).strip():
            step = menus.pressed(step.state, key)
        else:
            step = menus.timed_out(step.state)
    if isinstance(step, Leads):
        assert step.destination.kind in ("queue", "extension", "voicemail", "number")
    else:
        assert isinstance(step, Ends | Emergency)


def test_a_caller_who_goes_round_for_ever_is_led_on() -> None:
    step = MENUS.start(to(menu="main"), "en")
    for event in "3.0" * MOST_KEYS:
        if isinstance(step, Playing):
            step = happens(step.state, event)
    assert step == Leads(GENERAL, "en")
