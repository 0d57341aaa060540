"""Prediction of clusters that were made beforehand, where the input is masked or perturbed.

Hsu et al. 2021 (HuBERT, arXiv 2106.07447).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.distributed import all_reduce_mean, world_size
from wavenet_ae.errors import UserError, counted
from wavenet_ae.objectives.base import Criterion, ObjectiveTerm, TermOutput
from wavenet_ae.objectives.cluster_targets import ClusterTargets
from wavenet_ae.schema import FractionBelow1, NonNegative, NonNegativeNumber, PositiveNumber
from wavenet_ae.types import Batch, ModelOutput

MASKED_PREDICTION = Criterion(
    "validation/masked_prediction", "minimize", "nats/code", "validation masked prediction"
)


class MaskedPrediction(ObjectiveTerm):
    """The cross-entropy of predicted clusters with the cluster of each code, in nats per code.

    With `head="linear"`, a linear map predicts, which reads the context where the model has one,
    else the latents.  With `head="bottleneck"`, the model's own codes are the clusters:

        p(k | z) is proportional to exp(-|z - e_k|^2 / 2)

    of the projected latent z and the code vector e_k, as HuBERT compares with a vector of each
    cluster (Hsu et al. 2021, eq. 3).  The likeliest cluster is then the code of the bottleneck.

    A code's target is the cluster that is nearest to the code's own instant in its utterance.
    Chance is the entropy of the clusters' frequencies: the loss of a head that knows them and reads
    nothing.

    Args:
        targets: File of clusters, see `wavenet_ae.training.targets`.
        context_dim: Channels that the head reads.
        first_code: Sample of an encoder input at which its first code is anchored.
        code_hop: Samples from one code to the next.
        utterances: Keys of the corpus's utterances.
        fingerprint: Fingerprint of the corpus.
        bottlenecks: Bottleneck of each stream of codes of the model, by its name.
        head: What predicts: a `linear` map, or the codes of the `bottleneck`.
        temperature: What scores are divided by.  Codes of length 1 (`distance=cosine`) need a low
            one, such as 0.1, since their distances are small.
        label_smoothing: Share of each target that is spread over all clusters, in training.
        positions: Which codes count in training: `all`, or those whose input is `masked`.
        weight: Weight of the loss beside other terms.
        start_step: Optimizer steps before the loss counts.
        ramp_steps: Optimizer steps after that over which its weight rises from 0.

    Raises:
        UserError: The file cannot be read, or holds the clusters of another corpus; or the
            bottleneck cannot predict them.
    """

    criterion: ClassVar[Criterion | None] = MASKED_PREDICTION
    needs = "latents"

    def __init__(
        self,
        targets: str,
        context_dim: int,
        first_code: float,
        code_hop: float,
        utterances: Sequence[str],
        fingerprint: str,
        bottlenecks: Mapping[str, Bottleneck] | None = None,
        head: Literal["linear", "bottleneck"] = "linear",
        temperature: PositiveNumber = 1.0,
        label_smoothing: FractionBelow1 = 0.0,
        positions: Literal["all", "masked"] = "all",
        weight: NonNegativeNumber = 1.0,
        start_step: NonNegative = 0,
        ramp_steps: NonNegative = 0,
    ) -> None:
        super().__init__(weight, start_step, ramp_steps)
        path = Path(targets).expanduser()
        self.targets = ClusterTargets.load(path)
        self.targets.require_corpus(fingerprint, utterances, path)
        self.chance = _entropy(self.targets.shares())
        self.first_code, self.code_hop = first_code, code_hop
        self.label_smoothing, self.positions = label_smoothing, positions
        self.temperature = temperature
        self.head: nn.Linear | None = None
        self._codes: tuple[Quantizer, ...] = ()  # in a tuple: its weights are the model's own
        if head == "linear":
            self.head = nn.Linear(context_dim, self.targets.num_clusters)
        else:
            self._codes = (_predicting(bottlenecks or {}, self.targets.num_clusters),)

    def forward(self, output: ModelOutput, batch: Batch, plan: WindowPlan, step: int) -> TermOutput:
        logits, clusters = self._logits(output), self.clusters(batch, plan)
        counted = self._counted(output, clusters)
        nats = F.cross_entropy(
            logits.flatten(0, 1),
            clusters.flatten(),
            reduction="none",
            label_smoothing=self.label_smoothing,
        ).view_as(counted)  # (B, N)
        # Processes have different numbers of masked codes. Divided by the mean of these numbers,
        # their losses have the mean of the global batch, which is 0 where nothing is masked.
        count = all_reduce_mean(counted.sum().to(nats.dtype))
        loss = (nats * counted).sum() / count.clamp_min(1 / world_size())
        metrics = {
            name: value[0] / value[1] for name, value in self._sums(logits, clusters).items()
        }
        return TermOutput({"masked_prediction": loss}, {**metrics, "masked_prediction": loss})

    def validate(self, output: ModelOutput, batch: Batch, plan: WindowPlan) -> dict[str, Tensor]:
        return self._sums(self._logits(output), self.clusters(batch, plan))

    def clusters(self, batch: Batch, plan: WindowPlan) -> Tensor:
        """Returns the cluster (B, N) int64 of each code of the windows of a batch."""
        codes = torch.arange(plan.num_codes, dtype=torch.float64)
        instants = plan.encoder_input.start + self.first_code + self.code_hop * codes  # (N,)
        anchors = batch.start.cpu()[:, None] + instants  # (B, N)
        return self.targets.at(batch.utterance, anchors).to(batch.waveform.device)

    def _logits(self, output: ModelOutput) -> Tensor:
        """Scores (B, N, K) of all clusters."""
        if self.head is None:
            (bottleneck,), (only,) = self._codes, output.streams.values()
            assert only.latents is not None
            distances = bottleneck.code_distances(only.latents)
            return -distances.float() / (2 * self.temperature)
        read = output.latents if output.context is None else output.context
        assert read is not None
        return self.head(read.transpose(1, 2)).float() / self.temperature

    def _counted(self, output: ModelOutput, clusters: Tensor) -> Tensor:
        """Returns which codes (B, N) bool count."""
        if self.positions == "all":
            return torch.ones_like(clusters, dtype=torch.bool)
        if output.masked is None:
            raise UserError(
                "objective.masked_prediction.positions is 'masked', but nothing masks the "
                "encoder's input: set positions=all, or mask the features"
            )
        return output.masked

    def _sums(self, logits: Tensor, clusters: Tensor) -> dict[str, Tensor]:
        """Returns sum and number (2,) over all codes of what is logged."""
        nats = F.cross_entropy(logits.detach().flatten(0, 1), clusters.flatten())
        guesses = logits.argmax(dim=-1)
        used = torch.bincount(guesses.flatten(), minlength=logits.shape[-1]) / guesses.numel()
        perplexity = torch.special.entr(used).sum().exp()
        one, count = nats.new_ones(()), nats.new_tensor(float(clusters.numel()))
        return {
            "masked_prediction": torch.stack([nats * count, count]),
            "masked_prediction_chance": torch.stack([one * self.chance, one]),
            "masked_prediction_accuracy": torch.stack([(guesses == clusters).sum() * one, count]),
            "masked_prediction_perplexity": torch.stack([perplexity, one]),
        }


def _predicting(bottlenecks: Mapping[str, Bottleneck], num_clusters: int) -> Quantizer:
    """Returns a bottleneck whose codes can learn to be the clusters.

    Raises:
        UserError: They cannot.
    """
    key = "objective.masked_prediction.head is 'bottleneck', but "
    remedy = ": set bottleneck=vqvae, or objective.masked_prediction.head=linear"
    if not bottlenecks:
        raise UserError(f"{key}the model has no bottleneck{remedy}")
    if len(bottlenecks) > 1:
        raise UserError(
            f"{key}the model has the streams of codes {', '.join(bottlenecks)}, and targets are "
            "one sequence: set objective.masked_prediction.head=linear"
        )
    (bottleneck,) = bottlenecks.values()
    if not isinstance(bottleneck, Quantizer) or bottleneck.num_codebooks != 1:
        kind = type(bottleneck).__name__
        raise UserError(f"{key}the bottleneck {kind} does not have one codebook{remedy}")
    if not bottleneck.codebook_vectors().requires_grad:
        kind = type(bottleneck).__name__
        raise UserError(f"{key}no gradient moves the codes of the bottleneck {kind}{remedy}")
    if bottleneck.codebook_size != num_clusters:
        raise UserError(
            f"{key}bottleneck.codebook_size is {bottleneck.codebook_size} and the targets have "
            f"{counted(num_clusters, 'cluster')}: set bottleneck.codebook_size={num_clusters}"
        )
    if bottleneck.start_after:
        raise UserError(
            f"{key}the codes are first set at step {bottleneck.start_after}: set "
            "bottleneck.start_after=0"
        )
    return bottleneck


def _entropy(shares: np.ndarray) -> float:
    """Returns the entropy in nats of shares (K,) that add up to 1."""
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())
