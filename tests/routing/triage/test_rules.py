"""Each rule by its own examples, the scenarios of the domain, and the labelled messages as a whole."""

from __future__ import annotations

import pytest

from config.triage import Rule, lexicon
from routing.triage import Triage
from tests.support.messages import PARTS, labelled

RULES = lexicon().rules


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_a_rule_keeps_to_its_examples(rule: Rule, triage: Triage) -> None:
    for text in rule.raises:
        assert triage.judge(text).sounds_like_emergency, text
    for text in rule.leaves:
        assert not triage.judge(text).sounds_like_emergency, (text, triage.judge(text).in_words)


@pytest.mark.parametrize(
    "text",
    [
        "man with knife, 7pm Southend to Liverpool St, he got off at Grays",
        "help",
        "cant talk hes next to me",
        "not an emergency but he's threatening to jump",
        "I've taken tablets",
    ],
)
def test_an_emergency_is_raised(text: str, triage: Triage) -> None:
    assert triage.judge(text).sounds_like_emergency


@pytest.mark.parametrize("text", ["someone smoking coach 3", "was assaulted last week, what's my crime number"])
def test_an_ordinary_message_is_left(text: str, triage: Triage) -> None:
    assert triage.judge(text).why == ()


def test_it_says_why_and_where(triage: Triage) -> None:
    text = "pls hurry he has a knife"
    finding = triage.judge(text)
    assert finding.in_words.startswith('sounds like an emergency: "')
    weapon = next(reason for reason in finding.why if reason.rule == "weapon")
    assert weapon.words == text[weapon.start : weapon.end] == "he has a knife"
    assert [(f.kind, f.words) for f in finding.found] == [("weapon", "knife")]


def test_what_it_quotes_is_short_however_long_the_message_is(triage: Triage) -> None:
    finding = triage.judge("a b " * 5_000)
    assert finding.in_words == 'sounds like an emergency: "a b a b" (like other emergency messages)'
    assert len(finding.why[0].words) <= 200


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        (
            "man with knife, 7pm Southend to Liverpool St, he got off at Grays",
            "service",
            "7pm Southend to Liverpool St",
        ),
        ("man with knife, 7pm Southend to Liverpool St, he got off at Grays", "place", "at Grays"),
        ("fight on the 1815 to brighton coach 4", "time", "1815"),
        ("fight on the 1815 to brighton coach 4", "carriage", "coach 4"),
        ("silver audi all over the road A55 westbound", "direction", "westbound"),
        ("silver audi all over the road A55 westbound", "place", "A55"),
        ("hes in my house 22 alder close", "place", "22 alder close"),
        ("hes threatening to jump", "self_harm", "threatening to jump"),
        ("cant talk hes next to me", "cannot_speak", "cant talk"),
        ("my mate got stabbed in the leg", "injury", "got stabbed"),
    ],
)
def test_it_finds_what_a_handler_will_ask_for(text: str, kind: str, words: str, triage: Triage) -> None:
    assert words in [f.words for f in triage.judge(text).found if f.kind == kind]


@pytest.mark.parametrize("part", PARTS)
def test_nearly_all_emergencies_of_the_labelled_messages_are_found(part: str, triage: Triage) -> None:
    messages = [m for m in labelled() if m.part == part]
    raised = {m: triage.judge(m.text).sounds_like_emergency for m in messages}
    found = [raised[m] for m in messages if m.emergency]
    ordinary = [raised[m] for m in messages if not m.emergency]
    assert sum(found) >= 0.98 * len(found)
    assert sum(ordinary) <= (0.15 if part == "check" else 0.10) * len(ordinary)


def kinds(triage: Triage, text: str) -> set[str]:
    return {found.kind for found in triage.judge(text).found}


@pytest.mark.parametrize(
    "text",
    [
        "please dont text back he checks my phone, he hit me again last night",
        "do not reply to this number my husband reads my messages. he threatens to kill me",
        "do not reply he will see it",
        "dont call or text me back he goes thru my phone",
        "pls dnt txt me bk",
        "hes always reading my texts",
        "my husband has my phone most of the day",
        "my ex can see all my messages",
        "its not safe to text me",
        "they go through my phone at night",
        "DON'T MESSAGE. she'll read it",
        "u cant reply to this he looks at my messages",
        "do not reply to this message he will see it",
        "i need help, dont ring or text, my dad checks my mobile",
        "no texts please he is watching my phone",
        "dont text back, ill ring you",
    ],
)
def test_whoever_fears_our_answer_is_known_by_it(text: str, triage: Triage) -> None:
    assert "unsafe_to_write" in kinds(triage, text)


@pytest.mark.parametrize(
    "text",
    [
        "no need to reply",
        "if i stop texting its because he has got in",
        "you dont reply to my emails",
        "if you do not reply i will complain",
        "they do not text back",
        "people who dont text and drive",
        "Please do not reply to this email, the mailbox is not read",
        "nobody reads my emails",
        "text me back please",
        "im not safe please text me",
        "someone took my phone on the platform",
        "he doesnt check my ticket",
    ],
)
def test_whoever_does_not_is_answered(text: str, triage: Triage) -> None:
    assert "unsafe_to_write" not in kinds(triage, text)


@pytest.mark.parametrize(
    "text",
    [
        "he is outside the shop drunk and shouting",
        "hes outside my house with a hammer",
        "they are outside the pub with bats",
        "he is drunk and has a knife",
    ],
)
def test_a_witness_can_speak(text: str, triage: Triage) -> None:
    assert triage.judge(text).sounds_like_emergency
    assert "cannot_speak" not in kinds(triage, text)


@pytest.mark.parametrize(
    "text", ["cant talk he is outside my room", "he is in the room", "hes next to me", "he can hear me"]
)
def test_whoever_is_heard_cannot(text: str, triage: Triage) -> None:
    assert "cannot_speak" in kinds(triage, text)
