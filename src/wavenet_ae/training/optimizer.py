"""Optimizer and learning-rate schedule, as pure functions of the optimizer step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import optim
from torch.nn import Module, Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from wavenet_ae.models import SpeechModel
from wavenet_ae.schema import FractionBelow1, NonNegative, NonNegativeNumber, Positive

Algorithm = Literal["Adam", "AdamW", "NAdam", "RAdam", "Adamax"]  # of torch.optim, with two betas


class OptimizerConfig:
    """Adam, or a relative, with separate learning rates, warm-up and a late exponential decay.

    A subclass in a package of the user's own may return any other optimizer from `optimizer`.

    The schedule never depends on how long the run will be, so that a run may be prolonged.

    learning_rate           of encoder, context and bottleneck, and of predictors of the objective
    decoder_learning_rate   of upsampling, speaker normalization and decoder
    codebook_learning_rate  of a codebook that is learned by gradient
    warmup_steps            over which the rates rise from 0
    decay_after             optimizer steps before the decay begins; 0: never
    half_life_steps         over which the rates then halve
    algorithm               class of torch.optim
    weight_decay            decoupled from the gradient in AdamW, a part of it in the others
    frozen                  parts of the model whose weights and statistics stay as they are, see
                            `training/freezing.py`
    """

    def __init__(
        self,
        learning_rate: NonNegativeNumber = 4e-4,
        decoder_learning_rate: NonNegativeNumber = 4e-4,
        codebook_learning_rate: NonNegativeNumber = 4e-4,
        beta1: FractionBelow1 = 0.9,
        beta2: FractionBelow1 = 0.98,
        warmup_steps: NonNegative = 100,
        decay_after: NonNegative = 0,
        half_life_steps: Positive = 100_000,
        frozen: Sequence[str] = (),
        algorithm: Algorithm = "Adam",
        weight_decay: NonNegativeNumber = 0.0,
    ) -> None:
        self.learning_rate = learning_rate
        self.decoder_learning_rate = decoder_learning_rate
        self.codebook_learning_rate = codebook_learning_rate
        self.betas = (beta1, beta2)
        self.warmup_steps = warmup_steps
        self.decay_after = decay_after
        self.half_life_steps = half_life_steps
        self.frozen = tuple(frozen)
        self.algorithm, self.weight_decay = algorithm, weight_decay

    def factor(self, step: int) -> float:
        """Returns what the learning rates are multiplied by at optimizer step `step`."""
        factor = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        if self.decay_after and step > self.decay_after:
            factor *= 0.5 ** ((step - self.decay_after) / self.half_life_steps)
        return factor

    def optimizer(self, model: SpeechModel, objective: Module | None = None) -> Optimizer:
        """Returns the optimizer of a model's weights, and of those of its objective, which learn at
        the encoder's rate."""
        rates = {
            "encoder": self.learning_rate,
            "decoder": self.decoder_learning_rate,
            "codebook": self.codebook_learning_rate,
        }
        members: dict[str, list[Parameter]] = {group: [] for group in rates}
        for name, parameter in model.named_parameters():
            if name.partition(".")[0] in self.frozen:
                continue
            members[_group(name)].append(parameter)
        if objective is not None:
            members["encoder"] += objective.parameters()
        groups = [
            {"params": members[group], "lr": rate, "name": group}
            for group, rate in rates.items()
            if members[group]
        ]
        chosen = getattr(optim, self.algorithm)
        made: Optimizer = chosen(groups, betas=self.betas, weight_decay=self.weight_decay)
        return made

    def scheduler(self, optimizer: Optimizer) -> LambdaLR:
        return LambdaLR(optimizer, self.factor)


def _group(name: str) -> str:
    """Returns which learning rate a parameter of a model has."""
    part = name.split(".")[0]
    if part in ("upsampling", "speaker_norm", "decoder"):
        return "decoder"
    return "codebook" if name.endswith(".codebook") else "encoder"
