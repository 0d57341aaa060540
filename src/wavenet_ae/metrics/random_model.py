"""Untrained model as a baseline, which shows what training has added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.encoders import Encoder
from wavenet_ae.models import CodeModel, build
from wavenet_ae.nn.batch_norm import BatchNorm
from wavenet_ae.randomness import keyed_bits, keyed_permutation, keyed_seed

NUM_WINDOWS = 64
WINDOWS_AT_ONCE = 8  # batch from which batch normalization takes its statistics


def training_windows(model: CodeModel, corpus: PackedCorpus, seed: int = 0) -> Tensor:
    """Returns a window, at least a second long, of each of at most 64 training utterances.

    If there is no training split, utterances come from all splits. Shorter utterances are padded
    with silence.

    Args:
        model: The model, whose rate and receptive field set the length.
        corpus: The packed corpus.
        seed: Key of the choice.

    Returns:
        `(B, T)` int16.
    """
    length = max(model.sample_rate, 2 * model.encoder.chain.receptive_field)
    rows = corpus.rows("train") if len(corpus.rows("train")) else np.arange(len(corpus))
    chosen = rows[keyed_permutation(len(rows), seed, "window utterances")[:NUM_WINDOWS]]
    places = keyed_bits(len(chosen), seed, "window places")
    windows = []
    for row, place in zip(chosen.tolist(), places.tolist(), strict=True):
        total = int(corpus.length[row])
        start = place % max(1, total - length + 1)
        samples = torch.from_numpy(corpus.read(row, start, min(start + length, total)))
        windows.append(F.pad(samples, (0, length - len(samples))))
    return torch.stack(windows)


def random_model(
    config: Mapping[str, Any], model: CodeModel, windows: Tensor, seed: int = 0
) -> CodeModel:
    """Builds a model of the same configuration with fresh weights, in evaluation mode.

    The random model knows what a run knows of its data before the first step: features are
    standardized on `windows`, and batch normalization has the statistics that it would have in
    training. If the encoder has a shortcut, its stack contributes nothing yet, as at the start of
    any run.

    Args:
        config: Configuration that the model was built from.
        model: The trained model.
        windows: `(B, T)` int16 of the training split.
        seed: Key of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(keyed_seed(seed, "random model"))
        fresh = build(config, model.speakers)
    assert isinstance(fresh, CodeModel)
    fresh.to(model.dtype)
    batches = [fresh.normalize(each) for each in windows.split(WINDOWS_AT_ONCE)]
    fresh.fit(batches)
    _settle_statistics(fresh.encoder, batches)
    return fresh.eval()


@torch.no_grad()
def _settle_statistics(encoder: Encoder, batches: list[Tensor]) -> None:
    """Sets batch normalization to the mean statistics of batches `(B, T)`, as training would."""
    for module in encoder.modules():
        if isinstance(module, BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # torch's plain average over batches
    encoder.train()
    for batch in batches:
        encoder(batch)
