"""Encoder whose weights a new run takes from a checkpoint of another run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from wavenet_ae.audio.features import Features
from wavenet_ae.checkpoint_model import config_of, weights_of
from wavenet_ae.encoders.base import Encoder
from wavenet_ae.errors import UserError
from wavenet_ae.model_folder import read_model
from wavenet_ae.types import InputRandomness

PREFIX = "model.encoder."  # of an encoder's weights in a checkpoint


class PretrainedEncoder(Encoder):
    """Encoder that starts from the weights of a checkpoint, and may stay as it is.

    A new run reads the checkpoint once, when it starts. From then on the run's own checkpoints hold
    the weights. The statistics of features and normalization are those of the checkpoint, too.

    Args:
        encoder: The encoder that the checkpoint holds.
        checkpoint: The model that has the encoder, see `wavenet_ae.model_paths`.
        sample_rate: Rate of the waveform in Hz, at which the checkpoint was trained.
        tuned: Whether the weights are trained further. Otherwise they stay as they are, and so do
            the statistics of batch normalization; the input is then never perturbed.
    """

    weights_from = ("checkpoint",)

    def __init__(
        self, encoder: Encoder, checkpoint: str, sample_rate: int, tuned: bool = False
    ) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(tuned)
        self.checkpoint, self.sample_rate, self.tuned = checkpoint, sample_rate, tuned
        self.dim, self.chain = encoder.dim, encoder.chain
        self.num_bands = encoder.num_bands
        self.sees_whole_window = encoder.sees_whole_window
        self.min_window_samples = encoder.min_window_samples
        self.perturbation = encoder.perturbation if tuned else None
        self.train()

    @property
    def features(self) -> Features:  # type: ignore[override]
        """Acoustic features that the encoder computes first."""
        return self.encoder.features

    def train(self, mode: bool = True) -> PretrainedEncoder:
        """Sets the mode; an encoder that is not tuned stays in evaluation mode."""
        super().train(mode)
        self.encoder.train(mode and self.tuned)
        return self

    def forward(
        self,
        waveform: Tensor,
        feature_mean: Tensor | None = None,
        random: InputRandomness | None = None,
    ) -> Tensor:
        """Returns latents `(B, dim, N)` of a waveform `(B, T)` in [-1, 1]."""
        return self.encoder(waveform, feature_mean, random)

    def load_pretrained(self) -> None:
        """Reads the weights of the encoder from the checkpoint.

        Raises:
            UserError: If there is no such checkpoint, it cannot be read, has another sample rate,
                another encoder, or weights that are NaN or infinite.
        """
        content = read_model(self.checkpoint)
        config = config_of(self.checkpoint, content)
        key = f"encoder.checkpoint={self.checkpoint}"
        rate = config.get("sample_rate")
        if rate != self.sample_rate:
            raise UserError(
                f"{key} was trained at {rate} Hz, but sample_rate is {self.sample_rate}: set "
                f"sample_rate={rate}"
            )
        weights = weights_of(self.checkpoint, content, PREFIX)
        if not weights:
            raise UserError(f"{key} holds no encoder: use the checkpoint of an autoencoder")
        try:
            self.encoder.load_state_dict(weights)
        except RuntimeError as error:
            reason = str(error).strip().split("\n\t")[-1].rstrip(". ")
            raise UserError(
                f"{key} holds another encoder than encoder.encoder ({reason}). Set encoder.encoder "
                f"to its own: {config.get('encoder')}"
            ) from None


def feature_settings(encoder: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the configuration of an encoder's features, or of all that decides them.

    Args:
        encoder: Configuration of the encoder.
    """
    if "features" in encoder:
        return encoder["features"]  # type: ignore[no-any-return]
    wrapped = encoder.get("encoder")  # of a pretrained one
    return feature_settings(wrapped) if wrapped else encoder
