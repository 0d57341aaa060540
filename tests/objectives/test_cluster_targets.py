"""Files of clusters, and which cluster each code of a window has."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from wavenet_ae.alignment import encoder_window
from wavenet_ae.errors import UserError
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.objectives import ClusterTargets, MaskedPrediction
from wavenet_ae.types import Batch, ModelOutput

KEYS = ["one", "two\t\udcff"]  # a key may hold a tab, and bytes that are not UTF-8
LENGTHS = (30, 50)
NUM_CLUSTERS, HOP, ORIGIN = 7, 4, 2.0
CHAIN = Chain((Down(4, 4),))  # anchored at 1.5, 5.5, ...


def targets() -> ClusterTargets:
    generator = np.random.default_rng(0)
    codes = generator.integers(NUM_CLUSTERS, size=sum(LENGTHS))
    return ClusterTargets(
        fingerprint="corpus",
        sample_rate=8000,
        hop=HOP,
        origin=ORIGIN,
        source="test",
        utterances=KEYS,
        lengths=np.array(LENGTHS),
        codes=codes,
        centers=generator.normal(size=(NUM_CLUSTERS, 3)).astype(np.float32),
    )


@pytest.fixture
def path(tmp_path) -> Path:
    targets().save(tmp_path / "targets.npz")
    return tmp_path / "targets.npz"


def term(path: Path, **settings: Any) -> MaskedPrediction:
    torch.manual_seed(0)
    known = {"first_code": 1.5, "code_hop": 4.0, "utterances": KEYS, "fingerprint": "corpus"}
    return MaskedPrediction(str(path), context_dim=NUM_CLUSTERS, **known, **settings)


def test_a_file_holds_what_was_saved(path):
    before, after = targets(), ClusterTargets.load(path)
    assert list(after.utterances) == KEYS
    assert (after.hop, after.origin, after.fingerprint) == (HOP, ORIGIN, "corpus")
    for row in range(2):
        np.testing.assert_array_equal(after.of(row), before.of(row))
    np.testing.assert_array_equal(after.centers, before.centers)


def test_an_instant_has_the_nearest_code_of_its_own_utterance():
    made = targets()
    anchors = torch.tensor([[2.0, 3.9, 4.0, 4.1, 10.0], [-50.0, 6.0, 197.9, 198.0, 999.0]])
    found = made.at(torch.tensor([0, 1]), anchors.double())
    first, second = made.of(0), made.of(1)
    assert found[0].tolist() == [first[0], first[0], first[0], first[1], first[2]]
    assert found[1].tolist() == [second[0], second[1], second[49], second[49], second[49]]


@pytest.mark.parametrize("start", [0, 4, 40, -8])
def test_a_window_reads_its_own_piece_of_its_utterance(path, start):
    plan = encoder_window(CHAIN, 5)
    row = torch.tensor([1])
    waveform = torch.zeros(1, plan.slice_length, dtype=torch.int16)
    batch = Batch(waveform, row, row, torch.tensor([start]))
    expected = np.clip(start // HOP + np.arange(5), 0, None)
    assert term(path).clusters(batch, plan)[0].tolist() == targets().of(1)[expected].tolist()


def given(size: int = 2) -> tuple[Batch, Any]:
    plan = encoder_window(CHAIN, 5)
    rows = torch.arange(size) % 2
    waveform = torch.zeros(size, plan.slice_length, dtype=torch.int16)
    return Batch(waveform, rows, rows, torch.zeros(size, dtype=torch.int64)), plan


def test_a_head_that_knows_the_cluster_has_no_loss(path):
    made = term(path)
    torch.nn.init.eye_(made.head.weight)
    torch.nn.init.zeros_(made.head.bias)
    batch, plan = given()
    clusters = made.clusters(batch, plan)
    latents = 50 * torch.nn.functional.one_hot(clusters, NUM_CLUSTERS).float().transpose(1, 2)
    metrics = made(ModelOutput(latents=latents), batch, plan, 0).metrics
    assert metrics["masked_prediction"] < 1e-6 and metrics["masked_prediction_accuracy"] == 1


def test_a_head_that_knows_nothing_has_the_loss_of_guessing(path):
    made = term(path)
    torch.nn.init.zeros_(made.head.weight)
    torch.nn.init.zeros_(made.head.bias)
    batch, plan = given()
    metrics = made(ModelOutput(latents=torch.randn(2, NUM_CLUSTERS, 5)), batch, plan, 0).metrics
    assert metrics["masked_prediction"].item() == pytest.approx(log(NUM_CLUSTERS))
    assert metrics["masked_prediction_perplexity"].item() == pytest.approx(1)
    assert 0 < metrics["masked_prediction_chance"] <= log(NUM_CLUSTERS)


def test_masked_positions_alone_count_where_that_is_asked_for(path):
    batch, plan = given()
    latents = torch.randn(2, NUM_CLUSTERS, 5, generator=torch.Generator().manual_seed(0))
    masked = torch.zeros(2, 5, dtype=torch.bool)
    masked[0, 1] = True
    made = term(path, positions="masked")
    loss = made(ModelOutput(latents=latents, masked=masked), batch, plan, 0).losses
    logits = made.head(latents[0, :, 1])
    cluster = made.clusters(batch, plan)[0, 1]
    torch.testing.assert_close(loss["masked_prediction"], -logits.log_softmax(0)[cluster])
    nothing = made(ModelOutput(latents=latents, masked=masked & False), batch, plan, 0).losses
    assert nothing["masked_prediction"] == 0
    with pytest.raises(UserError, match="nothing masks the encoder's input"):
        made(ModelOutput(latents=latents), batch, plan, 0)


def test_smoothed_targets_are_for_training_alone(path):
    batch, plan = given()
    output = ModelOutput(latents=torch.randn(2, NUM_CLUSTERS, 5))
    sharp, smooth = term(path), term(path, label_smoothing=0.3)
    losses = [each(output, batch, plan, 0).losses["masked_prediction"] for each in (sharp, smooth)]
    assert losses[0] != losses[1]
    assert [
        float(each.validate(output, batch, plan)["masked_prediction"][0])
        for each in (sharp, smooth)
    ] == [float(sharp.validate(output, batch, plan)["masked_prediction"][0])] * 2


def damage_bytes(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def compress(path: Path) -> None:
    with np.load(path) as archive:
        np.savez_compressed(path, **dict(archive))


def another_file(path: Path) -> None:
    path.write_text("utterance\tcode\n")


def pickled(path: Path) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **{**arrays, "utterances": np.array([{"a": 1}, "b"], dtype=object)})


def replaced(**arrays: Any) -> Callable[[Path], None]:
    """Returns a function that replaces arrays of a file, and values of its header."""

    def harm(path: Path) -> None:
        with np.load(path) as archive:
            before = dict(archive)
        header = json.loads(before["header"].tobytes()) | arrays.pop("header", {})
        before["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        np.savez(path, **{**before, **arrays})

    return harm


NUM_CODES = sum(LENGTHS)
VALUES = {
    "code that is too high": replaced(codes=np.full(NUM_CODES, NUM_CLUSTERS)),
    "code below 0": replaced(codes=np.full(NUM_CODES, -100)),
    "codes that are fractions": replaced(codes=np.zeros(NUM_CODES)),
    "lengths whose sum overflows": replaced(
        lengths=np.array([2**63, 2**63 + NUM_CODES], dtype=np.uint64)
    ),
    "length of 0": replaced(lengths=np.array([0, NUM_CODES])),
    "clusters without a byte each": replaced(centers=np.zeros((10**12, 0), np.float32)),
    "no clusters": replaced(centers=np.zeros((0, 3)), codes=np.zeros(NUM_CODES, int)),
    "centers that are texts": replaced(centers=np.array([["a"] * 3] * NUM_CLUSTERS)),
    "centers that are NaN": replaced(centers=np.full((NUM_CLUSTERS, 3), np.nan)),
    "origin that is NaN": replaced(header={"origin": float("nan")}),
    "origin far away": replaced(header={"origin": -1e308}),
    "hop without end": replaced(header={"hop": 10**400}),
}


def no_header(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("nothing", b"")


@pytest.mark.parametrize(
    "harm",
    [damage_bytes, cut_off, compress, another_file, pickled, no_header]
    + [pytest.param(harm, id=name) for name, harm in VALUES.items()],
)
def test_a_file_that_is_damaged_or_made_to_harm_is_refused(path, harm):
    harm(path)
    with pytest.raises(UserError, match="holds no cluster targets") as found:
        ClusterTargets.load(path)
    assert str(path) in str(found.value)


def test_clusters_of_another_corpus_are_refused(path):
    with pytest.raises(UserError, match="of another corpus"):
        ClusterTargets.load(path).require_corpus("other", KEYS, path)
