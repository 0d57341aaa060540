"""Whether every part of a model learns: active channels, gradient at the bottleneck, updates."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from wavenet_ae.distributed import all_reduce_sum, world_size
from wavenet_ae.encoders import Encoder
from wavenet_ae.models import CodeModel, SpeechModel
from wavenet_ae.models.computing import evaluation_mode
from wavenet_ae.stream_names import of_stream
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor, is_logged
from wavenet_ae.types import Batch


class DeadUnits(Monitor):
    """Logs `encoder/dead_units/layer_<i>`: the share of a layer's channels whose rectifier gives 0
    for the whole batch, for each layer that has one.

    The encoder runs once more for it, in evaluation mode.
    """

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        model = module.model
        if not isinstance(model, CodeModel):
            return {}
        waveform = model.normalize(batch.waveform[:, module.plan.encoder_input])
        active = active_channels(model.encoder, waveform, batch.feature_mean)
        if not active:
            return {}
        sizes = [len(each) for each in active]
        of_any_process = all_reduce_sum(torch.cat(active).float()) > 0
        return {
            f"encoder/dead_units/layer_{layer}": 1 - part.float().mean()
            for layer, part in enumerate(of_any_process.split(sizes), start=1)
        }


def active_channels(
    encoder: Encoder, waveform: Tensor, feature_mean: Tensor | None = None
) -> list[Tensor]:
    """Returns, for each rectified layer, (C,): whether each channel is above 0 anywhere in a
    waveform (B, T), whose features have these means (B, C)."""
    active: list[Tensor] = []

    def note(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        active.append((output > 0).any(dim=2).any(dim=0))  # (B, C, F) -> (C,)

    rectifiers = [each for each in encoder.modules() if isinstance(each, nn.ReLU)]
    handles = [each.register_forward_hook(note) for each in rectifiers]
    with evaluation_mode(encoder):
        encoder.forward(waveform, feature_mean)  # by name: not compiled again for evaluation
    for handle in handles:
        handle.remove()
    return active


class BottleneckGradient(Monitor):
    """Logs `encoder/gradient_norm_at_bottleneck`: the norm of the loss's gradient in the encoder's
    output, over the global batch; under gradient accumulation, of the last of its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.handles: list[RemovableHandle] = []
        self.squares: dict[str, Tensor] = {}  # of each stream of codes by its name

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, WaveformTraining)
        if is_logged(trainer, trainer.global_step + 1):
            self.num_accumulated = trainer.accumulate_grad_batches
            for stream in pl_module.code_streams:
                follow = partial(self._follow, stream.name)
                self.handles.append(stream.bottleneck.register_forward_pre_hook(follow))

    def _follow(self, stream: str, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        latents = inputs[0]
        if latents.requires_grad:  # features alone have none
            latents.register_hook(partial(self._note, stream))

    def _note(self, stream: str, gradient: Tensor) -> None:
        self.squares[stream] = gradient.detach().float().square().sum()

    def on_train_batch_end(self, *args: Any) -> None:
        for handle in self.handles:
            handle.remove()
        super().on_train_batch_end(*args)
        self.handles, self.squares = [], {}

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        metrics: dict[str, Tensor | float] = {}
        for stream, squares in self.squares.items():
            # The loss is the mean of the processes' losses, and of those of accumulated batches.
            norm = torch.sqrt(all_reduce_sum(squares)) / world_size() * self.num_accumulated
            metrics[of_stream("encoder/gradient_norm_at_bottleneck", stream)] = norm
        return metrics


class WeightUpdates(Monitor):
    """Logs `updates/<part>`, the norm of a step's change of a part's weights over their own norm
    (about 0.001 where learning goes well), and `learning_rate/<group>`."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[str, list[Tensor]] = {}
        self.learning_rates: dict[str, float] = {}

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        assert isinstance(pl_module, WaveformTraining)
        if is_logged(trainer, trainer.global_step + 1):
            parts = weights(pl_module.model)
            self.before = {part: [each.clone() for each in own] for part, own in parts.items()}
            self.learning_rates = {
                f"learning_rate/{group['name']}": group["lr"] for group in optimizer.param_groups
            }

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        after = weights(module.model)
        ratios = {
            f"updates/{part}": change(before, after[part]) for part, before in self.before.items()
        }
        self.before = {}
        return {**ratios, **self.learning_rates}


def weights(model: SpeechModel) -> dict[str, list[Tensor]]:
    """Returns the trained weights of each part of a model that has any."""
    parts = {
        name: [each.detach() for each in part.parameters() if each.requires_grad and each.numel()]
        for name, part in model.named_children()
    }
    return {name: own for name, own in parts.items() if own}


def change(before: list[Tensor], after: list[Tensor]) -> Tensor:
    """Returns |after - before| / |before|, of all tensors as one vector."""
    moved = [new - old for new, old in zip(after, before, strict=True)]
    norm = torch.nn.utils.get_total_norm
    return norm(moved) / norm(before).clamp_min(torch.finfo(torch.float32).tiny)
