"""Speaker-adaptive normalization of conditioning vectors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
