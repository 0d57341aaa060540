"""Streams that C++ steps through, a chunk of samples at a time."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.decoders import Sampling
from wavenet_ae.engines import base
from wavenet_ae.engines.native import library as native
from wavenet_ae.engines.native.library import address
from wavenet_ae.engines.native.packed import PackedDecoder

SAMPLES_A_CALL = 256  # Ctrl-C waits for no more


class NativeSession(base.Session):
    """`held` is conditioning as it comes, (M, B, C): it is projected in C++."""

    @torch.no_grad()
    def __init__(
        self, packed: PackedDecoder, history: Tensor, conditioning: Tensor, speaker: Tensor
    ) -> None:
        self.packed, self.library, self.decoder = packed, packed.library, packed.decoder
        self.speaker, self.hop = speaker, packed.decoder.conditioning_hop
        self.position = history.shape[1] - self.decoder.chain.layers[0].input_length(1)
        self.first_held = self.position // self.hop
        self.held = _time_major(conditioning[..., self.first_held :])
        levels = history[:, -1].numpy().copy()
        past, offsets = self._past(history, conditioning), self._offsets()
        pointer = self.library.session_new(
            *(packed.pointer, len(history), self.position),
            *(address(levels), address(past), address(offsets)),
        )
        self.pointer = native.owned(self, pointer, self.library.session_free)

    def _past(self, history: Tensor, conditioning: Tensor) -> np.ndarray:
        """What the layers remember, (., B, R), layer after layer.  Stream by stream: in another
        batch torch may round otherwise."""
        streams = []
        for row in range(len(history)):
            own = slice(row, row + 1)
            state = self.decoder.prime(history[own, :-1], conditioning[own], self.speaker[own])
            streams.append(torch.cat(state.rings))
        return torch.cat(streams, dim=1).contiguous().numpy()

    def _offsets(self) -> np.ndarray:
        """(B, L, 2G): what bias and speaker add; stream by stream as well."""
        nothing = torch.zeros(1, self.packed.sizes.conditioning, 1)
        rows = [self.decoder.project(nothing, each)[0, :, 0] for each in self.speaker.split(1)]
        return torch.stack(rows).numpy()

    def extend(self, conditioning: Tensor) -> None:
        self._hold(_time_major(conditioning))

    def generate(self, uniforms: Tensor, sampling: Sampling) -> Tensor:
        how = native.Sampling(sampling.temperature, sampling.top_k, sampling.top_p)

        def draw(columns: np.ndarray, *given: object) -> np.ndarray:
            drawn = np.empty(columns.shape, np.int64)
            self.library.session_generate(
                *given, ctypes.byref(how), address(columns), address(drawn)
            )
            return drawn

        drawn = self._in_calls(uniforms.float(), draw)  # (n, B)
        return torch.from_numpy(drawn).t().contiguous()

    def score(self, targets: Tensor) -> Tensor:
        num_levels = self.packed.sizes.levels

        def follow(columns: np.ndarray, *given: object) -> np.ndarray:
            logits = np.empty((*columns.shape, num_levels), np.float32)
            self.library.session_score(*given, address(columns), address(logits))
            return logits

        logits = self._in_calls(targets, follow)  # (n, B, Q)
        return torch.from_numpy(logits).permute(1, 2, 0)

    def _in_calls(self, rows: Tensor, call: Callable[..., np.ndarray]) -> np.ndarray:
        """Columns (n, B) of rows (B, n), some at a time, each time with what a C++ function is
        given first: session, conditioning and number of samples."""
        self._require_ready(rows.shape[1])
        results = []
        for columns in rows.t().contiguous().split(SAMPLES_A_CALL):
            held = self.held.numpy()
            conditioning = native.Conditioning(address(held), self.first_held, len(held))
            given = (self.pointer, ctypes.byref(conditioning), len(columns))
            results.append(call(columns.numpy(), *given))
            self.position += len(columns)
        return np.concatenate(results)


def _time_major(conditioning: Tensor) -> Tensor:
    """(B, C, M) -> (M, B, C)"""
    return conditioning.detach().float().permute(2, 0, 1).contiguous()
