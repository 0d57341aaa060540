"""The ABX task: the figures of fastabx, and those of every triple by definition."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from wavenet_ae.metrics import abx_task
from wavenet_ae.metrics.abx_task import AbxCondition, AbxItem, abx_error
from wavenet_ae.metrics.alignment_distances import Sequences, aligned_distances

# (is_across, same_context): error rate of fastabx 0.9.0 (torch 2.14, torchdtw 0.4.2) and its cells
FASTABX = {
    "angular": {
        (False, True): (0.16292409687303006, 198),
        (True, True): (0.16748565956950187, 416),
        (False, False): (0.16808441570028662, 60),
        (True, False): (0.18198329210281372, 120),
    },
    "identical": {
        (False, True): (0.46862773001194, 198),
        (True, True): (0.500935010612011, 416),
        (False, False): (0.4971211239695549, 60),
        (True, False): (0.5048597574234008, 120),
    },
}


def speech() -> tuple[list[AbxItem], dict[str, list[np.ndarray]]]:
    """Items, and their vectors and units; a few of the vectors are zero."""
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((5, 6))
    items, vectors, units = [], [], []
    for number in range(220):
        phone, speaker, length = rng.integers(5), rng.integers(3), rng.integers(1, 9)
        context = str(rng.choice(["a", "b"])), str(rng.choice(["a", "b"]))
        items.append(AbxItem(f"p{phone}", context, f"s{speaker + 1}"))
        noise = rng.standard_normal((length, 6))
        vectors.append((centers[phone] + 1.2 * noise + 0.4 * speaker).astype(np.float32))
        if number % 40 == 0:
            vectors[-1][0] = 0
        units.append(rng.integers(0, 4, (length, 1)))
    return items, {"angular": vectors, "identical": units}


def condition(is_across: bool, same_context: bool) -> AbxCondition:
    return AbxCondition(is_across, same_context, max_size_group=None, max_x_across=None)


@pytest.mark.parametrize("distance", FASTABX)
@pytest.mark.parametrize("key", FASTABX["angular"])
def test_errors_are_those_of_fastabx(distance, key):
    items, frames = speech()
    found = abx_error(items, Sequences.of(frames[distance], distance), condition(*key))
    error_rate, num_cells = FASTABX[distance][key]
    assert found.error_rate == pytest.approx(error_rate, abs=1e-6)
    assert found.num_cells == num_cells


@pytest.mark.parametrize("is_across", [False, True])
def test_the_error_is_the_mean_over_all_triples_of_each_cell(is_across):
    """Error of all contexts together, with the loops of the definition."""
    items, frames = speech()
    items, sequences = items[:60], Sequences.of(frames["identical"][:60], "identical")
    pairs = np.array(list(product(range(60), repeat=2)))
    distances = aligned_distances(sequences, *pairs.T).reshape(60, 60)  # [X, A or B]
    speakers, phones = ({getattr(each, of) for each in items} for of in ("speaker", "phone"))

    def instances(phone, speaker):
        return [n for n, each in enumerate(items) if (each.phone, each.speaker) == (phone, speaker)]

    by_phones = []
    for one, other in product(phones, phones):
        of_speakers = []
        for speaker in speakers if one != other else ():
            cells = []
            for of_x in speakers - {speaker} if is_across else {speaker}:
                triples = [
                    np.sign(distances[x, a] - distances[x, b]) / 2 + 0.5
                    for a in instances(one, speaker)
                    for b in instances(other, speaker)
                    for x in instances(one, of_x)
                    if a != x
                ]
                cells += [np.mean(triples)] if triples else []
            of_speakers += [np.mean(cells)] if cells else []
        by_phones += [np.mean(of_speakers)] if of_speakers else []
    found = abx_error(items, sequences, condition(is_across, same_context=False))
    assert found.error_rate == pytest.approx(np.mean(by_phones), abs=1e-9)


def test_batches_do_not_change_the_error(monkeypatch):
    items, frames = speech()
    sequences = Sequences.of(frames["angular"], "angular")
    whole = abx_error(items, sequences, condition(True, True))
    shares = []
    monkeypatch.setattr(abx_task, "PAIRS_AT_ONCE", 50)
    assert abx_error(items, sequences, condition(True, True), shares.append) == whole
    assert shares == sorted(shares) and len(shares) > 10 and shares[-1] == 1


def test_instances_and_speakers_are_sampled_by_seed_and_limit():
    items, frames = speech()
    sequences = Sequences.of(frames["angular"], "angular")
    by_seed = [
        abx_error(items, sequences, AbxCondition(True, False, 3, 1, seed)) for seed in (0, 0, 1)
    ]
    assert by_seed[0] == by_seed[1] != by_seed[2]
    assert by_seed[0].num_cells == 60, "one speaker of X for each of 20 pairs of phones, 3 speakers"


def test_without_a_cell_there_is_no_error():
    items = [AbxItem("a", ("x", "y"), "s"), AbxItem("b", ("x", "y"), "s")]
    sequences = Sequences.of([np.zeros((1, 1), int)] * 2, "identical")
    assert abx_error(items, sequences, condition(False, True)).error_rate is None
