"""Session that C++ steps through, a chunk of samples at a time."""

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

SAMPLES_A_CALL = 256  # samples per call of C++, for which Ctrl-C has to wait


class NativeSession(base.Session):
    """Streams of a packed decoder.

    Unlike other sessions', `held` is the unprojected conditioning, `(M, B, C)`, because C++
    projects it.

    Args:
        packed: The packed decoder.
        history: `(B, n)` int64 past levels.
        conditioning: `(B, C, M)`.
        speaker: `(B,)` int64.
    """

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
        """Returns past inputs of the layers, `(., B, R)`, layer after layer.

        They are computed stream by stream, because torch may round differently in another batch.
        """
        streams = []
        for row in range(len(history)):
            own = slice(row, row + 1)
            state = self.decoder.prime(history[own, :-1], conditioning[own], self.speaker[own])
            streams.append(torch.cat(state.rings))
        return torch.cat(streams, dim=1).contiguous().numpy()

    def _offsets(self) -> np.ndarray:
        """Contributions of bias and speaker, `(B, L, 2G)`, also stream by stream."""
        nothing = torch.zeros(1, self.packed.sizes.conditioning, 1, dtype=torch.float32)
        rows = [self.decoder.project(nothing, each)[0, :, 0] for each in self.speaker.split(1)]
        return torch.stack(rows).numpy()

    def extend(self, conditioning: Tensor) -> None:
        """Appends conditioning vectors `(B, C, M)`."""
        self._hold(_time_major(conditioning))

    def generate(self, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Generates levels `(B, n)` from uniform numbers `(B, n)`, see `Session.generate`."""
        how = native.SamplingOptions(sampling.temperature, sampling.top_k, sampling.top_p)

        def sample_chunk(columns: np.ndarray, *given: object) -> np.ndarray:
            sampled = np.empty(columns.shape, np.int64)
            self.library.session_generate(
                *given, ctypes.byref(how), address(columns), address(sampled)
            )
            return sampled

        sampled = self._in_calls(uniforms.float(), sample_chunk)  # (n, B)
        return torch.from_numpy(sampled).t().contiguous()

    def score(self, targets: Tensor) -> Tensor:
        """Returns the logits `(B, Q, n)` of given targets `(B, n)`, see `Session.score`."""
        num_levels = self.packed.sizes.levels

        def score_chunk(columns: np.ndarray, *given: object) -> np.ndarray:
            logits = np.empty((*columns.shape, num_levels), np.float32)
            self.library.session_score(*given, address(columns), address(logits))
            return logits

        logits = self._in_calls(targets, score_chunk)  # (n, B, Q)
        return torch.from_numpy(logits).permute(1, 2, 0)

    def _in_calls(self, rows: Tensor, call: Callable[..., np.ndarray]) -> np.ndarray:
        """Applies a C++ function to rows `(B, n)`, some samples per call.

        `call` gets columns `(n, B)`, then the function's first arguments: session, conditioning and
        number of samples.
        """
        self._require_ready(rows.shape[1])
        results = []
        for columns in rows.t().contiguous().split(SAMPLES_A_CALL):
            held = self.held.numpy()
            conditioning = native.ConditioningVectors(address(held), self.first_held, len(held))
            given = (self.pointer, ctypes.byref(conditioning), len(columns))
            results.append(call(columns.numpy(), *given))
            self.position += len(columns)
        return np.concatenate(results)


def _time_major(conditioning: Tensor) -> Tensor:
    """Transposes `(B, C, M)` to `(M, B, C)`."""
    return conditioning.detach().float().permute(2, 0, 1).contiguous()
