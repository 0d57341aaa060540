"""Batch normalization over the global batch of data-parallel training, and its absence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from wavenet_ae.distributed import all_reduce_sum_with_gradient, world_size


class BatchNorm(nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` over `(B, C, N)` with statistics of the items of all processes.

    Data-parallel processes therefore compute what a single process would (torch's SyncBatchNorm
    needs GPUs). With a single process, it is torch's own layer.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalizes `(B, C, N)`, in float32 even under autocast."""
        if not (self.training and world_size() > 1):
            return super().forward(input)
        assert self.running_mean is not None
        with torch.autocast(input.device.type, enabled=False):
            # float32, as in torch's layer: sums of thousands of bfloat16 values lose too much
            return self._shared(input.to(self.running_mean.dtype)).to(input.dtype)

    def _shared(self, input: Tensor) -> Tensor:
        count = input.shape[0] * input.shape[2] * world_size()
        mean = all_reduce_sum_with_gradient(input.sum(dim=(0, 2))) / count  # (C,)
        centered = input - mean[:, None]
        variance = all_reduce_sum_with_gradient(centered.square().sum(dim=(0, 2))) / count  # (C,)
        self._update_running(mean.detach(), variance.detach() * count / (count - 1))
        output = centered * (variance + self.eps).rsqrt()[:, None]
        return output * self.weight[:, None] + self.bias[:, None] if self.affine else output

    @torch.no_grad()
    def _update_running(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked += 1


# Parts that blocks of `evaluation_mode` hold at present: how many blocks, and the mode before them.
_held: WeakKeyDictionary[nn.Module, tuple[int, bool]] = WeakKeyDictionary()
_holding = Lock()


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Puts a module into evaluation mode for a block, whatever the mode of each of its parts is.

    Running statistics are used and stay as they are. Afterwards, each part has its mode again. Of
    blocks that overlap, in one thread or in several, the last to end restores it: a part never
    returns to training mode while another block uses it.
    """
    parts = [*module.modules()]
    with _holding:
        for part in parts:
            num_blocks, before = _held.get(part, (0, part.training))
            _held[part] = num_blocks + 1, before
        module.eval()
    try:
        yield
    finally:
        with _holding:
            for part in parts:
                num_blocks, before = _held.pop(part)
                if num_blocks > 1:
                    _held[part] = num_blocks - 1, before
                else:
                    part.training = before
