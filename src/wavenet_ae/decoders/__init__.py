"""Decoders: past samples, conditioning and speaker -> logits of the next sample."""

from wavenet_ae.decoders.wavenet import WaveNet

__all__ = ["WaveNet"]
