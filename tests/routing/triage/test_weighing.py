"""How the words of a message are weighed: as they were learnt, piece by piece, with the words that weigh most."""

from __future__ import annotations

import pytest

from config.triage import lexicon, weights
from routing.triage import Triage
from routing.triage.reading import Word, read
from routing.triage.weighing import BIAS, PIECE, Features, Scales, pieces_of, stem

FEATURES = Features(lexicon().weighed)


def words_of(text: str) -> list[Word]:
    return read(text, lambda typed: (typed,))


def test_a_message_is_weighed_by_the_features_that_the_weights_were_learnt_for() -> None:
    text = "the crane is falling on them"
    learnt = weights()
    expected = learnt[BIAS] + sum(
        learnt.get(f, 0.0) * share for f, share in (*FEATURES.of(text.split()), *FEATURES.whole(text.split()))
    )
    assert Scales(learnt, FEATURES).weigh(words_of(text)).score == pytest.approx(expected)


def test_the_words_that_weigh_most_are_named() -> None:
    weighed = Scales({BIAS: -1.0, "drowning": 3.0}, FEATURES).weigh(words_of("we were at the lake and he is drowning"))
    first, after = weighed.most()
    assert first <= 8 < after


def test_a_word_nobody_labelled_is_weighed_by_its_letters() -> None:
    scales = Scales({BIAS: 0.0, "~drown": 1.0}, FEATURES)
    assert scales.weigh(words_of("drownin")).score > 0


def test_a_word_nobody_labelled_is_weighed_by_the_list_it_stands_in() -> None:
    scales = Scales({BIAS: 0.0, "<person> <hitting>": 1.0}, FEATURES)
    assert scales.weigh(words_of("bloke thumping")).score > 0
    assert scales.weigh(words_of("thumping bloke")).score == 0


def test_words_apart_are_weighed_by_their_stems() -> None:
    scales = Scales({BIAS: 0.0, "kick..door": 1.0}, FEATURES)
    assert scales.weigh(words_of("kicking the door")).score > 0
    assert scales.weigh(words_of("kicked my front door")).score > 0
    assert scales.weigh(words_of("the door kicks")).score == 0


@pytest.mark.parametrize(
    ("word", "stemmed"), [("stabbing", "stab"), ("stabbed", "stab"), ("stabs", "stab"), ("us", "us")]
)
def test_forms_of_a_word_share_a_stem(word: str, stemmed: str) -> None:
    assert stem(word) == stemmed


def test_a_context_weighs_beside_the_words() -> None:
    assert Scales({BIAS: 0.0, "=past": -1.0}, FEATURES).weigh_signs(["=past", "+weapon"]) < 0


def test_a_long_message_is_weighed_in_pieces_of_whole_sentences() -> None:
    words = words_of("one two three. " * PIECE)
    pieces = list(pieces_of(words))
    assert [start for start, _ in pieces[1:]] == [end for _, end in pieces[:-1]]
    assert pieces[-1][1] == len(words)
    assert all(0 < end - start <= PIECE for start, end in pieces)
    assert all(words[end - 1].sentence != words[end].sentence for _, end in pieces[:-1])


def test_one_sentence_of_danger_counts_in_a_long_email(triage: Triage) -> None:
    everyday = "I am writing to say thank you for the leaflet about parking permits. " * 20
    assert not triage.judge(everyday).sounds_like_emergency
    assert triage.judge(f"{everyday}\nHe has a knife and he is coming up the stairs.\n{everyday}").sounds_like_emergency


def test_what_no_rule_knows_is_raised_by_the_weight_of_its_words(triage: Triage) -> None:
    finding = triage.judge("the trench has caved in and my mate is under it")
    assert finding.sounds_like_emergency
    assert all(reason.words for reason in finding.why)
