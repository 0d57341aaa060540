"""Contrastive predictive coding: the context tells which latent comes next (InfoNCE).

van den Oord et al. 2018 (arXiv 1807.03748, eq. 4); Riviere et al. 2020 (arXiv 2002.02848).

    latents    z0   z1   z2   z3   z4   z5          keys, projected and of length 1
    context         c1 ---- predictor 2 --> z3      among the latents of the window, which one?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.distributed import all_gather, all_gather_with_gradient, rank, world_size
from wavenet_ae.objectives.base import Criterion, ObjectiveTerm, TermOutput
from wavenet_ae.schema import NonNegative, NonNegativeNumber, Positive, PositiveNumber, Width
from wavenet_ae.types import Batch, ModelOutput

CONTRASTIVE = Criterion(
    "validation/contrastive", "minimize", "nats/prediction", "validation contrastive loss"
)
Negatives = Literal["utterance", "speaker", "all"]


@dataclass(frozen=True)
class Scores:
    """Sums over the predictions of one step ahead.

    Attributes:
        nats: Scalar sum of -log p(the latent that comes), with gradient.
        chance: Scalar sum of the logarithms of the numbers of candidates.
        correct: Scalar number of predictions whose likeliest latent is the one that comes.
        count: Number of predictions.
    """

    nats: Tensor
    chance: Tensor
    correct: Tensor
    count: int


@dataclass(frozen=True)
class _Candidates:
    """Latents among which the right one is found.

    Attributes:
        keys: (B, N, D) of the windows themselves, or (G, N, D) of all windows.
        own: (B,) rows of the windows in `keys`; None where each has its own latents alone.
        allowed: (B, G) which windows' latents count; None for all of them.
    """

    keys: Tensor
    own: Tensor | None
    allowed: Tensor | None

    def logits(self, predicted: Tensor, ahead: int) -> tuple[Tensor, Tensor]:
        """Returns similarities (B, T, candidates) of predictions (B, T, D), and the right ones."""
        num_items, num_codes = len(predicted), self.keys.shape[1]
        instants = torch.arange(ahead, num_codes, device=predicted.device)  # (T,)
        if self.own is None:
            return predicted @ self.keys.transpose(1, 2), instants.expand(num_items, -1)
        logits = predicted @ self.keys.flatten(0, 1).t()  # (B, T, G * N)
        if self.allowed is not None:
            allowed = self.allowed.repeat_interleave(num_codes, dim=1)  # (B, G * N)
            logits = logits.masked_fill(~allowed[:, None], -torch.inf)
        return logits, self.own[:, None] * num_codes + instants


class Contrastive(ObjectiveTerm):
    """The mean of -log p(z[t + k] | c[t]) over instants t and steps ahead k, in nats.

        p(z | c) = exp(s(z, c)) / sum over candidates z' of exp(s(z', c))
        s(z, c)  = cos(W z, W_k c) / temperature

    Candidates are the latent that comes and the negatives, so that chance is ln(1 + negatives).
    Where a model has no context network, its latents are the context.

    Args:
        latent_dim: Channels of the latents.
        context_dim: Channels of the context.
        num_codes: Latents of a window.
        num_ahead: Steps ahead that are predicted, each by a linear predictor of its own.
        negatives: Which other latents are candidates: those of the same window (`utterance`), also
            those of the same speaker's other windows in the batch (`speaker`), or of all (`all`).
        dim: Channels in which latents and predictions are compared.
        temperature: What similarities are divided by.
        weight: Weight of the loss beside other terms.
        start_step: Optimizer steps before the loss counts.
        ramp_steps: Optimizer steps after that over which its weight rises from 0.

    Raises:
        ValueError: A window has too few latents for so many steps ahead.
    """

    criterion: ClassVar[Criterion | None] = CONTRASTIVE
    needs = "latents"

    def __init__(
        self,
        latent_dim: int,
        context_dim: int,
        num_codes: int,
        num_ahead: Positive = 8,
        negatives: Negatives = "utterance",
        dim: Width = 128,
        temperature: PositiveNumber = 0.1,
        weight: NonNegativeNumber = 1.0,
        start_step: NonNegative = 0,
        ramp_steps: NonNegative = 0,
    ) -> None:
        super().__init__(weight, start_step, ramp_steps)
        if num_codes <= num_ahead:
            raise ValueError(
                f"objective.contrastive.num_ahead is {num_ahead}, but a window has {num_codes} "
                "latents: raise data.window_seconds, or predict fewer steps"
            )
        self.num_ahead, self.negatives, self.temperature = num_ahead, negatives, temperature
        self.projection = nn.Linear(latent_dim, dim, bias=False)
        self.predictors = nn.ModuleList(nn.Linear(context_dim, dim) for _ in range(num_ahead))

    def forward(self, output: ModelOutput, batch: Batch, plan: WindowPlan, step: int) -> TermOutput:
        scores = self.scores(output, batch, is_shared=True)
        loss = torch.stack([each.nats / each.count for each in scores]).mean()
        metrics = {name: value[0] / value[1] for name, value in _sums(scores).items()}
        return TermOutput({"contrastive": loss}, metrics)

    def validate(self, output: ModelOutput, batch: Batch, plan: WindowPlan) -> dict[str, Tensor]:
        return _sums(self.scores(output, batch, is_shared=False))

    def scores(self, output: ModelOutput, batch: Batch, is_shared: bool) -> list[Scores]:
        """Returns the scores of each step ahead.

        Args:
            output: The model's output for the batch.
            batch: The windows.
            is_shared: Whether negatives also come from the other processes' windows, where there
                are any.
        """
        assert output.latents is not None
        latents = output.latents.transpose(1, 2)  # (B, N, C)
        context = latents if output.context is None else output.context.transpose(1, 2)
        keys = F.normalize(self.projection(latents), dim=-1)  # (B, N, D)
        candidates = self._candidates(keys, batch, is_shared)
        return [
            self._score(F.normalize(predictor(context[:, :-ahead]), dim=-1), ahead, candidates)
            for ahead, predictor in enumerate(self.predictors, start=1)
        ]

    def _candidates(self, keys: Tensor, batch: Batch, is_shared: bool) -> _Candidates:
        if self.negatives == "utterance":
            return _Candidates(keys, None, None)
        processes = world_size() if is_shared else 1
        gather = processes > 1
        every = all_gather_with_gradient(keys) if gather else keys  # (G, N, D), G of all processes
        own = torch.arange(len(keys), device=keys.device) * processes + (rank() if gather else 0)
        if self.negatives == "all":
            return _Candidates(every, own, None)
        speakers = all_gather(batch.speaker) if gather else batch.speaker  # (G,)
        return _Candidates(every, own, batch.speaker[:, None] == speakers)

    def _score(self, predicted: Tensor, ahead: int, candidates: _Candidates) -> Scores:
        logits, target = candidates.logits(predicted / self.temperature, ahead)
        chance = torch.isfinite(logits).sum(dim=-1).log()  # (B, T)
        nats = F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), reduction="sum")
        correct = (logits.argmax(dim=-1) == target).sum()
        return Scores(nats, chance.sum(), correct, target.numel())


def _sums(scores: list[Scores]) -> dict[str, Tensor]:
    """Returns sum and number (2,) of the values of all steps ahead, and of the first and the last
    alone.

    Each step ahead counts as much as any other, though later ones make fewer predictions.
    """

    def mean(values: list[Tensor]) -> Tensor:
        return torch.stack([torch.stack(values).mean(), values[0].new_ones(())])

    nats = [each.nats.detach().float() / each.count for each in scores]
    chance = [each.chance.float() / each.count for each in scores]
    accuracy = [each.correct.float() / each.count for each in scores]
    return {
        "contrastive": mean(nats),
        "contrastive_chance": mean(chance),
        "contrastive_accuracy": mean(accuracy),
        "contrastive_accuracy_first": mean(accuracy[:1]),
        "contrastive_accuracy_last": mean(accuracy[-1:]),
    }
