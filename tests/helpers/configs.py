"""Small models for tests, as plain configurations and as overrides of conf/."""

from __future__ import annotations

import copy
from typing import Any

BOTTLENECKS: dict[str, dict[str, Any]] = {
    "identity": {"_target_": "wavenet_ae.bottlenecks.Identity"},
    "ae": {"_target_": "wavenet_ae.bottlenecks.AE", "dim": 6, "normalize": True},
    "vae": {"_target_": "wavenet_ae.bottlenecks.VAE", "dim": 6, "samples_per_datapoint": 2},
    "vqvae": {
        "_target_": "wavenet_ae.bottlenecks.VQVAE",
        "dim": 6,
        "codebook_size": 8,
        "init": "uniform",
        "revive_after": 3,
        "normalize": True,
    },
    "vqvae_ema": {
        "_target_": "wavenet_ae.bottlenecks.VQVAEEMA",
        "dim": 6,
        "codebook_size": 8,
        "init": "uniform",
        "revive_after": 3,
        "normalize": True,
    },
    "fsq": {"_target_": "wavenet_ae.bottlenecks.FSQ", "levels": [4, 3], "normalize": True},
    "rvq": {
        "_target_": "wavenet_ae.bottlenecks.RVQ",
        "dim": 6,
        "num_codebooks": 3,
        "codebook_size": 8,
        "init": "uniform",
        "revive_after": 3,
        "normalize": True,
    },
    "lfq": {"_target_": "wavenet_ae.bottlenecks.LFQ", "num_bits": 3, "normalize": True},
    "simvq": {
        "_target_": "wavenet_ae.bottlenecks.SimVQ",
        "dim": 6,
        "codebook_size": 8,
        "init": "uniform",
        "normalize": True,
    },
    "rfsq": {
        "_target_": "wavenet_ae.bottlenecks.ResidualFSQ",
        "levels": [3, 2],
        "num_codebooks": 2,
        "normalize": True,
    },
    "random_projection": {
        "_target_": "wavenet_ae.bottlenecks.RandomProjectionQuantizer",
        "dim": 6,
        "codebook_size": 8,
        "normalize": True,
    },
}
# Settings of theirs that change what is computed.
BOTTLENECK_SETTINGS: dict[str, dict[str, Any]] = {
    f"{name}-{value}": {**BOTTLENECKS[name], key: value}
    for key, value, names in (
        ("gradient", "rotation", ("vqvae", "vqvae_ema", "rvq")),
        ("gradient", "diveq", ("vqvae", "vqvae_ema", "rvq")),
        ("distance", "cosine", ("vqvae", "vqvae_ema")),
    )
    for name in names
}
# Two bands of five channels each, which share a quantizer.
for name in ("vqvae", "vqvae_ema", "rvq", "fsq"):
    BOTTLENECK_SETTINGS[f"{name}-bands"] = {
        "_target_": "wavenet_ae.bottlenecks.BandQuantizer",
        "num_bands": 2,
        "quantizer": {**BOTTLENECKS[name], "input_dim": 5},
    }

_CONVOLUTIONS = {
    "_target_": "wavenet_ae.encoders.ConvolutionalEncoder",
    "dim": 12,
    "kernels": [3, 4, 1],
    "strides": [1, 2, 1],
    "norm": "batch",
}
ENCODERS: dict[str, dict[str, Any]] = {
    "mfcc": {
        **_CONVOLUTIONS,
        "features": {"_target_": "wavenet_ae.audio.features.MFCC", "num_mels": 26},
        "shortcut": True,
    },
    "mel": {
        **_CONVOLUTIONS,
        "features": {"_target_": "wavenet_ae.audio.features.LogMel", "num_mels": 20},
        "shortcut": True,
    },
    "waveform": {
        **_CONVOLUTIONS,
        "features": {"_target_": "wavenet_ae.audio.features.Waveform"},
        "kernels": [4, 4, 4, 3],
        "strides": [4, 4, 4, 1],
    },
    "units": {
        "_target_": "wavenet_ae.encoders.ConvolutionalEncoder",
        "dim": 12,
        "kernels": [4, 3, 3],
        "strides": [2, 1, 1],
        "dilations": [1, 1, 2],
        "norm": "layer",
        "features": {
            "_target_": "wavenet_ae.audio.features.LogMel",
            "num_mels": 20,
            "normalization": "utterance",
        },
    },
    "identity": {
        "_target_": "wavenet_ae.encoders.FeatureEncoder",
        "features": {"_target_": "wavenet_ae.audio.features.MFCC", "num_mels": 26},
    },
}
ENCODERS["causal"] = {
    "_target_": "wavenet_ae.encoders.CausalEncoder",
    "dim": 12,
    "hidden": 8,
    "stacks": [{"kernel": 3, "dilations": [1, 3]}, {"kernel": 2, "dilations": [2, 1]}],
    "features": {"_target_": "wavenet_ae.audio.features.LogMel", "num_mels": 20},
}
ENCODERS["causal_2d"] = {
    "_target_": "wavenet_ae.encoders.CausalEncoder2d",
    "channels": 3,
    "kernel": 2,
    "num_blocks": 1,
    "features": {"_target_": "wavenet_ae.audio.features.LogMel", "num_mels": 16},
}
ENCODERS["pretrained"] = {
    "_target_": "wavenet_ae.encoders.PretrainedEncoder",
    "encoder": ENCODERS["mel"],
    "checkpoint": "read by new runs alone",
    "tuned": True,
}

SMALL: dict[str, Any] = {
    "sample_rate": 8000,
    "encoder": ENCODERS["mfcc"],
    "bottleneck": BOTTLENECKS["vqvae_ema"],
    "target": {"_target_": "wavenet_ae.targets.MuLaw", "levels": 256},
    "decoder": {
        "_target_": "wavenet_ae.decoders.WaveNet",
        "num_blocks": 2,
        "layers_per_block": 3,
        "residual": 8,
        "gate": 8,
        "skip": 8,
        "post": 8,
        "speaker_dim": 4,
    },
    "model": {
        "_target_": "wavenet_ae.models.WaveformAutoencoder",
        "upsampling": {
            "_target_": "wavenet_ae.nn.conditioning.Upsampling",
            "dim": 8,
            "strides": [4],
            "kernels": [8],
        },
    },
}


def small(
    bottleneck: str = "vqvae_ema", encoder_option: str = "mfcc", **changes: Any
) -> dict[str, Any]:
    """A small model's configuration; `changes` such as `decoder={"kernel": 3}` are merged."""
    config = copy.deepcopy(SMALL)
    config["bottleneck"] = copy.deepcopy(BOTTLENECKS[bottleneck])
    config["encoder"] = copy.deepcopy(ENCODERS[encoder_option])
    for group, values in changes.items():
        is_other = values.get("_target_", config[group]["_target_"]) != config[group]["_target_"]
        config[group] = values if is_other else config[group] | values
    return config


# What the decoder of a model with the target PCM is given.
MIXTURE: dict[str, Any] = {
    "output": {"_target_": "wavenet_ae.decoders.MixtureOfLogistics", "num_components": 3}
}


def language_model(**model: Any) -> dict[str, Any]:
    """A small language model's configuration; `model` are arguments of its class."""
    config = {key: copy.deepcopy(SMALL[key]) for key in ("sample_rate", "target", "decoder")}
    return config | {"model": {"_target_": "wavenet_ae.models.WaveNetLanguageModel", **model}}


# For train.py: a corpus of half a minute, a step of some milliseconds.
TINY = [
    "data.source.num_speakers=2",
    "data.source.minutes=0.5",
    "data.batch_size=4",
    "data.window_seconds=0.04",
    "data.validation_seconds=1",
    "encoder.dim=16",
    "decoder.num_blocks=1",
    "decoder.layers_per_block=4",
    "decoder.residual=8",
    "decoder.gate=8",
    "decoder.skip=8",
    "decoder.post=8",
    "optimizer.warmup_steps=5",
    "trainer.max_steps=24",
    "trainer.log_every_n_steps=1",
    "trainer.accelerator=cpu",
    "validate_every_n_steps=6",
    "callbacks.checkpoints.every_n_steps=4",
    "callbacks.audio_samples.every_n_steps=0",
]
TINY_CODES = [
    "bottleneck.codebook_size=8",
    "bottleneck.start_after=3",
    "bottleneck.revive_after=4",
]
# For runs of many steps: less is computed beside them, and the weights stay the same.
UNWATCHED = ["monitors=none", "trainer.log_every_n_steps=10"]
# The same for each bottleneck that has codes.
TINY_QUANTIZERS: dict[str, list[str]] = {
    "vqvae": TINY_CODES,
    "vqvae_ema": TINY_CODES,
    "rvq": TINY_CODES,
    "simvq": ["bottleneck.codebook_size=8", "bottleneck.start_after=3"],
    "fsq": ["bottleneck.levels=[4,3]", "bottleneck.start_after=3"],
    "lfq": ["bottleneck.num_bits=3", "bottleneck.start_after=3"],
    "rfsq": ["bottleneck.levels=[3,2]", "bottleneck.start_after=3"],
    "random_projection": ["bottleneck.codebook_size=8", "bottleneck.start_after=3"],
}
# An encoder over log mel energies whose input is perturbed in every way.
PERTURBED = [
    "encoder=units",
    "encoder/perturbation=masked",
    "encoder.perturbation.noise_snr_db=[0,20]",
    "encoder.perturbation.num_band_masks=1",
]
TINY_MIXTURE = ["target=pcm", "decoder/output=mixture_of_logistics"]
TINY_FRAMES = ["model=spectrogram", "target.num_mels=6"]
TINY_GRU = ["decoder=gru", "decoder.context=20", "decoder.hidden=8", "decoder.post=8"]
# Without what keeps a codebook from collapsing.
NO_REMEDY = [
    "bottleneck.init=uniform",
    "bottleneck.start_after=0",
    "bottleneck.revive_after=0",
    "bottleneck.normalize=false",
    "encoder.norm=none",
    "encoder.shortcut=false",
    "objective.bottleneck.commitment_weight=0.25",
]

# Members of the families, as a configuration sets them: one line each is under a contract suite.
TARGETS: dict[str, dict[str, Any]] = {
    "mu_law": {"_target_": "wavenet_ae.targets.MuLaw", "levels": 32},
    "pcm": {"_target_": "wavenet_ae.targets.PCM"},
    "log_mel": {"_target_": "wavenet_ae.targets.LogMel", "num_mels": 6},
    "discretized_mel": {
        "_target_": "wavenet_ae.targets.DiscretizedMel",
        "num_mels": 6,
        "levels": 9,
    },
}
GAUSSIANS = {"_target_": "wavenet_ae.decoders.MixtureOfGaussians", "num_components": 3}
# Each with the target that it goes with.
OUTPUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "categorical": ("mu_law", {"_target_": "wavenet_ae.decoders.Categorical"}),
    "mixture_of_logistics": ("pcm", MIXTURE["output"]),
    "categorical_of_values": ("discretized_mel", {"_target_": "wavenet_ae.decoders.Categorical"}),
    "gaussian": ("log_mel", {"_target_": "wavenet_ae.decoders.Gaussian"}),
    "squared_error": ("log_mel", {"_target_": "wavenet_ae.decoders.Gaussian", "deviation": 0.5}),
    "mixture_of_gaussians": ("log_mel", GAUSSIANS),
    "mixture_of_gaussians_of_levels": ("discretized_mel", GAUSSIANS),
}
DECODERS: dict[str, dict[str, Any]] = {
    "wavenet": {**SMALL["decoder"], "layers_per_block": 2},
    "gru": {"_target_": "wavenet_ae.decoders.GRUDecoder", "context": 9, "hidden": 8, "post": 8},
    "frame_conv": {
        "_target_": "wavenet_ae.decoders.FrameConvolution",
        "hidden": 8,
        "kernels": [3, 1, 3],
    },
    "frame_rnn": {"_target_": "wavenet_ae.decoders.FrameRNN", "hidden": 8},
}
OBJECTIVES: dict[str, dict[str, Any]] = {
    "reconstruction": {"_target_": "wavenet_ae.objectives.Reconstruction"},
    "bottleneck": {"_target_": "wavenet_ae.objectives.BottleneckLosses"},
    "contrastive": {"_target_": "wavenet_ae.objectives.Contrastive", "num_ahead": 2, "dim": 6},
    "masked_prediction": {"_target_": "wavenet_ae.objectives.MaskedPrediction"},
}


def spectrogram(
    decoder: str, output: str, bottleneck: str = "vqvae", encoder: str = "mel", **settings: Any
) -> dict[str, Any]:
    """A small model of frames, as a configuration; `settings` are arguments of its decoder."""
    target, node = OUTPUTS[output]
    config = small(bottleneck, encoder)
    upsampling = {**config["model"]["upsampling"], "context": 1, "strides": [], "kernels": []}
    return config | {
        "target": TARGETS[target],
        "decoder": {**DECODERS[decoder], "output": node, **settings},
        "model": {**config["model"], "upsampling": upsampling},
    }


# Each decoder of frames and each kind of offset; a vector is repeated for two frames, or for one.
SPECTROGRAMS: dict[str, dict[str, Any]] = {
    "convolution": spectrogram("frame_conv", "gaussian"),
    "convolution ahead": spectrogram("frame_conv", "mixture_of_gaussians", "ae", offset=5),
    "recurrence": spectrogram("frame_rnn", "categorical_of_values", encoder="identity"),
    "recurrence ahead": spectrogram(
        "frame_rnn", "mixture_of_gaussians_of_levels", "ae", "units", offset=9
    ),
}


def pitched(encoder: str = "mel", bottleneck: str = "vqvae_ema", **model: Any) -> dict[str, Any]:
    """A small model with units and a pitch; `model` are arguments of its class."""
    config = small(bottleneck, encoder)
    node = {**config["model"], "_target_": "wavenet_ae.models.PitchedAutoencoder"}
    return config | {"model": node | model}


def hierarchy(
    encoder: str = "causal_2d", bottleneck: str = "vqvae_ema", **model: Any
) -> dict[str, Any]:
    """A small model with a top and a bottom stream; `model` are arguments of its class."""
    config = spectrogram("frame_conv", "gaussian", bottleneck, encoder)
    node = {**config["model"], "_target_": "wavenet_ae.models.HierarchicalAutoencoder"}
    return config | {"model": node | {"top_blocks": 1} | model}
