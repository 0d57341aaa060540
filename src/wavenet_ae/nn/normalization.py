"""Normalization layers of `(B, C, N)`: over the global batch, of each position, by the speaker."""

from __future__ import annotations

import torch
import torch.nn.functional as F
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


class LayerNorm(nn.LayerNorm):
    """`torch.nn.LayerNorm` over the channels of `(B, C, N)`, for each position by itself.

    No position reads another one, so a slice of a sequence gives the numbers of the whole, in
    training as in evaluation (Ba et al. 2016, arXiv 1607.06450).
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalizes the channels of `(B, C, N)`."""
        return super().forward(input.transpose(1, 2)).transpose(1, 2)


class SpeakerNorm(nn.Module):
    """Normalizes each conditioning vector, then scales and shifts its channels by the speaker.

    The mean and deviation that a vector carries of the speaker whom the encoder was given are
    replaced by those that are learned for the speaker of the decoder. Chen and Hain 2020 (arXiv
    2008.06892) remove speakers from units by normalization over the time of an utterance, with
    statistics that a window does not have. These are statistics over the channels of each vector,
    as in conditional layer normalization (Chen et al. 2021, arXiv 2103.00993), so that a window
    gives the vectors of the whole. Scales start at 1 and shifts at 0.

    Args:
        dim: Channels of the conditioning, C.
        num_speakers: Rows of speakers, the unknown speaker's among them.
    """

    def __init__(self, dim: int, num_speakers: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(num_speakers, dim))
        self.shift = nn.Parameter(torch.zeros(num_speakers, dim))

    def forward(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns conditioning `(B, C, M)` of speakers `(B,)`, given any."""
        normalized = F.layer_norm(conditioning.transpose(1, 2), conditioning.shape[1:2])
        scale, shift = self.log_scale[speaker].exp(), self.shift[speaker]  # (B, C)
        return (normalized * scale[:, None] + shift[:, None]).transpose(1, 2)
