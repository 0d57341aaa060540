"""Parts of an evaluation that look at predictions: likelihood and latent use, and bit rates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.parts.unit_systems import not_yet_quantizing
from wavenet_ae.evaluation.progress import Progress
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.bitrate import (
    NATS_PER_BIT,
    CodeStatistics,
    code_bitrates,
    kl_bitrate,
    speaker_bitrate,
)
from wavenet_ae.metrics.likelihood import Likelihood, likelihood
from wavenet_ae.models import Autoencoder, GenerativeModel
from wavenet_ae.models.utterance import encode_in_chunks

WORDS = {
    "all": "NLL, all samples",
    "interior": "NLL, interior samples",
    "shuffled_codes": "more with another item's codes",
    "zeroed_codes": "more with zeroed codes",
    "other_speaker": "more with another speaker",
}


def judge_likelihood(
    model: GenerativeModel, corpus: PackedCorpus, rows: np.ndarray, seed: int, progress: Progress
) -> ResultTable:
    total = int(corpus.length[rows].sum())
    for num_done, sums in likelihood(model, corpus, rows, seed):
        progress.at(num_done / total)
        found = sums
    return ResultTable(
        part="likelihood",
        title="How well whole utterances are predicted",
        about=(
            "Mean over the samples of whole utterances, silence imagined around them; interior "
            "samples read nothing of it.  Errors are standard errors over utterances.  Below, how "
            "many nats a sample costs more with something else in place of what belongs to it."
            + "".join(f"  {each}" for each in _missing_controls(found))
        ),
        rows=[_row(found, name, model.sample_rate) for name in found.names],
    )


def _missing_controls(found: Likelihood) -> Iterator[str]:
    """Sentences on controls that are not what they are of many utterances of known speakers."""
    counts = dict(zip(found.names, found.num_samples.sum(axis=1).tolist(), strict=True))
    if counts.get("shuffled_codes") == 0:
        yield "With one window of speech there is no other item whose codes could be taken."
    elif "shuffled_codes" in counts and found.nats.shape[1] == 1:
        yield "Of one utterance, another item's codes are those of another moment of it."
    if counts["other_speaker"] == 0:
        yield "The model knows none of the speakers, so none is replaced by another."


def _row(found: Likelihood, name: str, sample_rate: int) -> dict[str, Value]:
    nats = found.mean(name)
    return {
        "figure": WORDS[name],
        "nats_per_sample": nats,
        "nats_per_sample_error": found.standard_error(name),
        "bits_per_sample": nats / NATS_PER_BIT,
        "bits_per_second": nats / NATS_PER_BIT * sample_rate,
        "num_samples": int(found.num_samples[found.names.index(name)].sum()),
    }


@torch.no_grad()
def judge_bitrate(
    model: Autoencoder, corpus: PackedCorpus, rows: np.ndarray, progress: Progress
) -> ResultTable:
    """A run of codes ends where its utterance ends."""
    bottleneck, device = model.bottleneck, model.device
    size = bottleneck.codebook_size
    codes = CodeStatistics.none(bottleneck.num_codebooks, size, device) if size else None
    kl = kls = 0.0
    for done, row in enumerate(rows.tolist(), start=1):
        samples = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row]))).to(device)
        outputs = [output for _, output in encode_in_chunks(model, samples)]
        pieces = [each.codes for each in outputs if each.codes is not None]
        if codes is not None and pieces:
            codes = codes.added(torch.cat(pieces, dim=-1))
        for each in outputs:
            if "kl" in each.losses:
                kl += float(each.losses["kl"].double().sum())
                kls += each.losses["kl"].numel()
        progress.at(done / len(rows))
    code_rate = float(model.sample_rate / model.hop)
    seconds = float(corpus.length[rows].mean()) / model.sample_rate
    bitrates = {"speaker": speaker_bitrate(len(model.speakers), seconds)}
    bitrates |= code_bitrates(codes, code_rate) if codes is not None else {}
    bitrates |= {"kl": kl_bitrate(kl / kls, code_rate)} if kls else {}
    return ResultTable(
        part="bitrate",
        title="What reaches the decoder beside the past",
        about=(
            "Bits per second. nominal: codes times log2 of the codebook's size; unigram: times the "
            "entropy of the codes' frequencies; run_length: runs times the entropies of a run's "
            "code and length; kl: of a Gaussian posterior to its prior; speaker: log2 of the "
            "number of speakers, once an utterance.  A bottleneck without any of these but the "
            "last passes on vectors of unlimited precision."
            + "".join(f"  {each}" for each in not_yet_quantizing(bottleneck))
        ),
        rows=[{"rate": name, "bits_per_second": value} for name, value in bitrates.items()],
    )
