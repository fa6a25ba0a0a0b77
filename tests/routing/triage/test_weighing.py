"""How the words of a message are weighed: as they were learnt, piece by piece, with the words that weigh most."""

from __future__ import annotations

import pytest

from config.triage import weights
from routing.triage import Triage
from routing.triage.reading import Word, read
from routing.triage.weighing import BIAS, PIECE, Scales, features, pieces_of


def words_of(text: str) -> list[Word]:
    return read(text, lambda typed: (typed,))


def test_a_message_is_weighed_by_the_features_that_the_weights_were_learnt_for() -> None:
    text = "the crane is falling on them"
    learnt = weights()
    expected = learnt[BIAS] + sum(learnt.get(f, 0.0) * share for f, share in features(text.split()))
    assert Scales(learnt).weigh(words_of(text)).score == pytest.approx(expected)


def test_the_words_that_weigh_most_are_named() -> None:
    weighed = Scales({BIAS: -1.0, "drowning": 3.0}).weigh(words_of("we were at the lake and he is drowning"))
    assert weighed.start <= 8 < weighed.end


def test_a_word_nobody_labelled_is_weighed_by_its_letters() -> None:
    scales = Scales({BIAS: 0.0, "~drown": 1.0})
    assert scales.weigh(words_of("drownin")).score > 0


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
