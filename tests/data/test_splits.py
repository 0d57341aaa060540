"""Splits: stable when recordings are added, overridden by the user, and never empty."""

import re
from pathlib import Path

import pytest

from wavenet_ae.data.sources import Recording
from wavenet_ae.data.splits import Splits, Undivided
from wavenet_ae.errors import UserError


def recordings(num, num_speakers=None, split=None):
    return [
        Recording(
            f"s{n % (num_speakers or num)}/{n}.wav",
            Path("x"),
            f"s{n % (num_speakers or num)}",
            split,
        )
        for n in range(num)
    ]


def test_fractions_are_kept():
    assigned = Splits(validation=0.1, test=0.2).assign(recordings(5000))
    assert 400 < assigned.count("validation") < 600
    assert 850 < assigned.count("test") < 1150


def test_places_are_pinned():
    """They divide the corpora of published runs: a change here is a change of their test sets."""
    places = [Splits().place(recording) for recording in recordings(3)]
    assert places == pytest.approx([0.7364333055, 0.8537639153, 0.6199314152], abs=1e-9)


def test_adding_recordings_or_raising_a_fraction_moves_none_away():
    few, many = recordings(300), recordings(3000)
    splits = Splits(validation=0.1, test=0.1)
    assert splits.assign(many)[:300] == splits.assign(few)
    more = Splits(validation=0.3, test=0.1)
    for recording in many:
        if splits.of(recording) != "train":
            assert more.of(recording) == splits.of(recording)


def test_a_seed_gives_another_division():
    first, second = (Splits(0.5, seed=seed).assign(recordings(100)) for seed in (0, 1))
    assert 20 < sum(a != b for a, b in zip(first, second, strict=True)) < 80


def test_a_speaker_is_never_parted_when_splitting_by_speaker():
    found = recordings(1000, num_speakers=40)
    splits = Splits(validation=0.3, by="speaker")
    homes = {(recording.speaker, splits.of(recording)) for recording in found}
    assert len(homes) == 40
    assert len({split for _, split in homes}) == 2


def test_channels_of_a_file_stay_together():
    splits = Splits(validation=0.5)
    for n in range(50):
        sides = [Recording(f"{n}.wav#{c}", Path("x"), f"{n}{c}", channel=c) for c in (0, 1)]
        assert splits.of(sides[0]) == splits.of(sides[1])


def test_an_explicit_split_wins():
    assert {Splits(validation=0.9).of(each) for each in recordings(50, split="test")} == {"test"}


def test_names_that_are_not_text_have_a_place():
    assert 0 <= Splits().place(Recording("caf\udce9.wav", Path("x"), "s")) < 1


@pytest.mark.parametrize("num", [2, 3, 5, 10])
@pytest.mark.parametrize("by", ["utterance", "speaker"])
def test_an_empty_split_says_which_value_fills_it(num, by):
    """The advice in the text works when it is followed to the letter."""
    for seed in range(20):
        splits = Splits(validation=1e-9, by=by, seed=seed)
        with pytest.raises(UserError, match=f"data.splits.seed={seed}") as caught:
            splits.assign(recordings(num))
        value = float(
            re.search(r"Set data.splits.validation to (\S+) or more", str(caught.value))[1]
        )
        assert "train" in Splits(validation=value, by=by, seed=seed).assign(recordings(num))
        with pytest.raises(UserError):
            Splits(validation=value - 2e-4, by=by, seed=seed).assign(recordings(num))


def test_an_empty_test_split_that_was_asked_for_is_an_error():
    found = recordings(10)
    with pytest.raises(UserError, match="the test split") as caught:
        Splits(validation=0.3, test=1e-9).assign(found)
    value = float(re.search(r"data.splits.test to (\S+) or more", str(caught.value))[1])
    assert Splits(validation=0.3, test=value).assign(found).count("test") == 1


def test_nothing_to_train_on():
    with pytest.raises(UserError, match=r"the train split.*Lower data.splits.validation"):
        Splits(validation=0.9999).assign(recordings(5))
    with pytest.raises(UserError, match="mark some recordings as 'train'"):
        Splits().assign(recordings(5, split="test"))
    with pytest.raises(UserError, match=r"a single speaker to divide.*data.splits.by=utterance"):
        Splits(by="speaker").assign(recordings(5, num_speakers=1))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"validation": 1.0}, "data.splits.validation=1.0"),
        ({"test": -0.1}, "data.splits.test=-0.1"),
        ({"validation": 0.5, "test": 0.5}, "leave nothing to train on"),
        ({"by": "speakers"}, "data.splits.by=speakers"),
    ],
)
def test_bad_settings_are_named(arguments, named):
    with pytest.raises(UserError, match=named):
        Splits(**arguments)


def test_undivided_speech_is_for_testing_unless_it_says_otherwise(tmp_path):
    recordings = [
        Recording(key=str(number), path=tmp_path, speaker="a", split=split)
        for number, split in enumerate([None, "train", None])
    ]
    assert Undivided().assign(recordings) == ["test", "train", "test"]
