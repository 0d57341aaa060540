"""Autoencoders whose parts are aligned by their chains: predictions, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from wavenet_ae.alignment import Alignment, WindowPlan, targets_in
from wavenet_ae.engines import Sampling
from wavenet_ae.geometry import Chain
from wavenet_ae.models.conditioning import CodeConditioning
from wavenet_ae.models.decoding import decode_utterances
from wavenet_ae.models.roles import Autoencoder, Conditioning
from wavenet_ae.models.smoothed_codes import encode_recordings
from wavenet_ae.types import BottleneckOutput, ModelOutput

VECTORS_ARE_CODES = Chain()  # where the upsampling reads one vector for each code


class AlignedAutoencoder(Autoencoder):
    """Predicts targets from the vectors of all streams, from past targets and the speaker.

    A subclass has an encoder and bottlenecks, from which vectors come, and an upsampling, a target
    and a decoder, which turn them into predictions; then it calls `align`.
    """

    def align(self, to_vectors: Chain = VECTORS_ARE_CODES, reading: Chain | None = None) -> None:
        """Sets the alignment of the parts.

        Args:
            to_vectors: From codes of the coarsest stream to what the upsampling reads.
            reading: From the waveform to what the upsampling reads, where that is less than all
                of a hop.

        Raises:
            ValueError: The parts do not fit together, or frames are to be predicted from samples
                that they add themselves.
        """
        upsampling = to_vectors + self.upsampling.chain
        self.alignment = Alignment(
            *(self.code_chain, upsampling, self.decoder.chain, self.target.chain),
            delay=self.decoder.delay,
            reads_past=self.decoder.reads_past,
            reading=None if reading is None else reading + self.upsampling.chain,
        )
        _require_honest_prediction(self.alignment)

    def predict(
        self,
        streams: Mapping[str, BottleneckOutput],
        vectors: Mapping[str, Tensor],
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
    ) -> ModelOutput:
        targets = self.target(waveform[:, plan.target_input])
        upsampled = self.upsampling(self.combine(vectors))[..., : plan.num_vectors]
        conditioning = self.adapt(upsampled, speaker)
        output = self.decoder.predict(targets, conditioning, speaker, plan)
        return replace(output, streams=streams)

    def window(self, num_samples: int) -> WindowPlan:
        return self.alignment.window(targets_in(num_samples, self.alignment.target_hop))

    def fit(
        self, waveforms: Iterable[Tensor], feature_means: Iterable[Tensor] | None = None
    ) -> None:
        kept = list(waveforms)
        super().fit(kept, feature_means)
        self.target.fit(kept)

    def conditioning(
        self, codes: Sequence[Mapping[str, Tensor]] | None, num_samples: Sequence[int]
    ) -> Conditioning:
        if codes is None:
            raise ValueError("an autoencoder is conditioned on codes, but none are given")
        conditioning = CodeConditioning(self, codes)
        conditioning.num_samples = list(num_samples)
        return conditioning

    def encode(self, waveform: Any, rate: int, smoothing: float = 0.0) -> Any:
        """Returns the codes of a recording, by the name of the stream, or those of each of several.

        Args:
            waveform: Samples (T,), or a list of such recordings, see `encode_recordings`.
            rate: Their sample rate in Hz.
            smoothing: Price of a change of code, see `wavenet_ae.models.smoothed_codes`.

        Returns:
            A mapping with the codes of each stream, (N,), or (H, N) of several codebooks or bands,
            int64; of a model with one stream, its codes alone. For a list, a list of these.

        Raises:
            ArgumentError: Samples or rate cannot be used, or codes cannot be smoothed.
        """
        return encode_recordings(self, waveform, rate, smoothing)

    def decode(
        self,
        codes: Any,
        speaker: str | Sequence[str | None] | None = None,
        sampling: Sampling | None = None,
        seed: int = 0,
        engine: str = "auto",
    ) -> Any:
        """Returns the waveform that is sampled from codes, or those of several utterances.

        Args:
            codes: What `encode` returns, or a list of several.
            speaker: Name of the speaker, None for the unknown one; or a list of names.
            sampling: Changes to the predicted distribution.
            seed: Seed of the random numbers.
            engine: How the decoder is stepped.

        Returns:
            Samples (T,) int16 at the model's rate, or a list.

        Raises:
            ArgumentError: The codes cannot be those of this model, or it does not know the speaker.
            UserError: The engine or the sampling cannot be used with this model.
        """
        return decode_utterances(self, codes, speaker, sampling, seed, engine)


def _require_honest_prediction(alignment: Alignment) -> None:
    """Raises ValueError where frames are to be predicted from samples that they add themselves."""
    delay, least = alignment.delay, alignment.least_honest_delay
    if alignment.reads_past or delay < 1 or delay >= least:
        return
    raise ValueError(
        f"decoder.offset is {delay}, but the conditioning of a frame has read samples of it that "
        "the frame before it has not: use an encoder and a model.upsampling.context that do not "
        f"look ahead, or set decoder.offset to at least {least}, the frame after all that is read"
    )
