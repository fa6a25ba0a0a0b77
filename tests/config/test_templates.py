"""Words that a site has prepared are checked before anybody needs them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.safety import Safety
from config.templates import Acknowledgement, Template, filled, template_mistakes

KNOWN = {"queues": frozenset({"texts"}), "calendars": frozenset({"office"}), "grades": frozenset({"emergency"})}
SAFETY = Safety(words_to_avoid=("police",), acknowledgement="heard")
HEARD = Template(id="heard", name="Heard", neutral=True, texts={"en": "Got it. {reference}", "cy": "Diolch."})
PLACE = Template(id="coming", name="Coming", texts={"en": "We come to {place}."})


def mistakes(*rules: Acknowledgement, templates: tuple[Template, ...] = (HEARD, PLACE)) -> list[str]:
    return list(template_mistakes(templates, rules, SAFETY, KNOWN, {}))


def test_what_is_right_has_no_mistakes() -> None:
    rule = Acknowledgement(template="heard", queue="texts", calendar="office", open=False, grade="emergency")
    assert mistakes(rule) == []


def test_what_names_nothing_is_told_with_its_key() -> None:
    assert mistakes(Acknowledgement(template="none", queue="tests", calendar="night", grade="a")) == [
        "acknowledgements[1].queue: there is no 'tests' among the queues",
        "acknowledgements[1].calendar: there is no 'night' among the calendars",
        "acknowledgements[1].grade: there is no 'a' among the grades",
        "acknowledgements[1].template: there is no template 'none'",
    ]


def test_what_leaves_by_itself_has_nothing_to_ask() -> None:
    (mistake,) = mistakes(Acknowledgement(template="coming"))
    assert "which only a handler could fill in" in mistake


def test_what_is_neutral_does_not_say_who_writes() -> None:
    telling = Template(id="heard", name="Heard", neutral=True, texts={"en": "The police have it."})
    assert mistakes(templates=(telling,)) == ["templates[heard].texts.en: is neutral and says 'police'"]
    plain = HEARD.model_copy(update={"neutral": False})
    assert mistakes(templates=(plain,)) == ["safety.acknowledgement: the template 'heard' is not neutral"]


@pytest.mark.parametrize("text", ["{", "{}", "{a.b}", "{a!r}", "{a:9}", "{0}"])
def test_variables_are_plain_words(text: str) -> None:
    with pytest.raises(ValidationError):
        Template(id="x", name="X", texts={"en": text})


def test_it_is_filled_in_by_language_with_what_is_known_and_what_is_asked() -> None:
    assert HEARD.text("cy") == "Diolch."
    assert filled(HEARD.text("pl"), {"reference": "AB"}) == "Got it. AB"
    assert PLACE.asked == ("place",)
    with pytest.raises(KeyError, match="place"):
        filled(PLACE.text("en"), {})
    assert filled("{{literally}} {place}", {"place": "{x}"}) == "{literally} {x}"
