"""Splits: stable when recordings are added, overridden by the user, and never empty."""

import re
from pathlib import Path

import pytest

from wavenet_ae.data.recordings import Recording
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


def test_the_division_of_recordings_never_changes():
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


@pytest.mark.parametrize("num", [2, 3, 8])
@pytest.mark.parametrize("by", ["utterance", "speaker"])
def test_the_lowest_place_validates_where_the_hash_holds_out_none(num, by):
    """It is what the smallest fraction that is enough would hold out, and nothing else moves."""
    for seed in range(20):
        assigned = Splits(validation=1e-9, by=by, seed=seed).assign(recordings(num))
        assert assigned.count("validation") == 1
        places = [Splits(by=by, seed=seed).place(each) for each in recordings(num)]
        enough = Splits(validation=min(places) + 1e-9, by=by, seed=seed)
        assert enough.assign(recordings(num)) == assigned


def test_eight_recordings_always_get_a_validation_split():
    """Whatever the seed, and the split of the hash where that holds out any."""
    for seed in range(300):
        splits = Splits(seed=seed)
        by_hash = [splits.of(each) for each in recordings(8)]
        assigned = splits.assign(recordings(8))
        assert "validation" in assigned and "train" in assigned
        assert not splits.is_by_time(recordings(8))
        if "validation" in by_hash:
            assert assigned == by_hash
        else:
            assert sum(a != b for a, b in zip(assigned, by_hash, strict=True)) == 1


def test_all_recordings_of_the_lowest_speaker_validate():
    assigned = Splits(validation=1e-9, by="speaker").assign(recordings(12, num_speakers=4))
    assert assigned.count("validation") == 3


def test_few_recordings_are_cut_unless_the_hash_or_the_user_divides_them():
    without, within = recordings(1), recordings(3)
    assert Splits(validation=1e-9).is_by_time(without)
    assert Splits(validation=1e-9).is_by_time(within)
    assert Splits(validation=1 - 1e-9).is_by_time(without)  # else nothing would be for training
    assert not Splits(validation=1e-9).is_by_time(recordings(4))
    assert not Splits(validation=1e-9, by="speaker").is_by_time(within)
    assert not Splits(validation=0).is_by_time(within)
    places = sorted(Splits().place(each) for each in within)
    assert not Splits(validation=(places[0] + places[1]) / 2).is_by_time(within)
    assert not Splits().is_by_time(recordings(3, split="train"))
    assert not Undivided().is_by_time(within)


def test_no_validation_at_all_names_the_setting():
    with pytest.raises(UserError, match=r"validation=0, .*Set data.splits.validation above 0"):
        Splits(validation=0).assign(recordings(9))


def test_an_empty_test_split_that_was_asked_for_is_an_error():
    found = recordings(10)
    with pytest.raises(UserError, match="the test split") as caught:
        Splits(validation=0.3, test=1e-9).assign(found)
    value = float(re.search(r"data.splits.test to (\S+) or more", str(caught.value))[1])
    assert Splits(validation=0.3, test=value).assign(found).count("test") == 1


def test_a_division_without_a_training_split_is_refused():
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
