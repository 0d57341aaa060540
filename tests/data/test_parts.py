"""Parts of recordings: times of a table, the samples between them, and what overlaps."""

import numpy as np
import pytest

from wavenet_ae.data.parts import Part, overlap_groups, parsed_times, part_key
from wavenet_ae.errors import UserError


def part(begin, end=None):
    return Part("a.wav", begin, end, "t.tsv, line 3")


@pytest.mark.parametrize(
    ("begin", "end", "times"),
    [
        ("", "", None),
        ("0", "1.5", (0.0, 1.5)),
        ("2", "", (2.0, None)),
        ("", "2", (0.0, 2.0)),
        ("1e-3", "1e2", (0.001, 100.0)),
    ],
)
def test_times_are_seconds_and_either_may_be_empty(begin, end, times):
    assert parsed_times(begin, end, "t.tsv, line 3") == times


@pytest.mark.parametrize(
    ("begin", "end", "named"),
    [
        ("1", "1", "begin 1 must be less than end 1"),
        ("2", "1", "begin 2 must be less than end 1"),
        ("", "0", "begin 0 must be less than end 0"),
        ("nan", "1", "begin 'nan' is not a time"),
        ("0", "nan", "end 'nan' is not a time"),
        ("-1", "1", "begin '-1' is not a time"),
        ("0", "inf", "end 'inf' is not a time"),
        ("0", "1:30", "end '1:30' is not a time"),
    ],
)
def test_what_is_no_part_is_refused_with_its_line(begin, end, named):
    with pytest.raises(UserError, match=f"t.tsv, line 3: {named}"):
        parsed_times(begin, end, "t.tsv, line 3")


def test_samples_are_those_between_the_times():
    assert part(0.5, 1.5).samples(16000, 8000) == (4000, 12000)
    assert part(0.5).samples(16000, 8000) == (4000, 16000)
    assert part(0.5, 2.009).samples(16000, 8000) == (4000, 16000)  # the end was rounded up


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (part(0, 2.1), "end 2.1 lies beyond the recording a.wav, which has 2.000 s"),
        (part(2), "begin 2 lies beyond the recording a.wav"),
        (part(1, 1.00001), "there is no sample at 8000 Hz"),
    ],
)
def test_parts_beyond_the_recording_are_refused_with_their_line(given, named):
    with pytest.raises(UserError, match=f"t.tsv, line 3: .*{named}"):
        given.samples(16000, 8000)


@pytest.mark.parametrize("size", [1, 7, 4000, 99999])
@pytest.mark.parametrize("given", [part(0.25, 0.75), part(0.25), part(0, 0.001)])
def test_a_part_of_blocks_is_that_of_the_whole(given, size):
    samples = np.arange(8000)
    blocks = [samples[first : first + size] for first in range(0, len(samples), size)]
    first, stop = given.samples(len(samples), 8000)
    np.testing.assert_array_equal(
        np.concatenate(list(given.of_blocks(blocks, 8000))), samples[first:stop]
    )
    with pytest.raises(UserError, match="beyond the recording"):
        list(part(0.5, 1.5).of_blocks(blocks, 8000))


def test_a_key_keeps_its_suffix_and_names_the_times():
    assert part_key("anna/talk.wav", 3, 7.5) == "anna/talk@3-7.5.wav"
    assert part_key("anna/talk.wav", 0.1, None) == "anna/talk@0.1-.wav"
    assert part_key("a", 1 / 3, 10) == "a@0.333333-10"


def test_ranges_that_overlap_through_others_are_one_group():
    ranges = [(4.0, 5.0), (0.0, 2.0), (1.0, 3.0), (2.5, 3.5), (3.5, 4.0), (9.0, None), (10.0, 11.0)]
    assert overlap_groups(ranges) == [0, 1, 1, 1, 4, 5, 5]
