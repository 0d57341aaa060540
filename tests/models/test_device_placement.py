"""No tensor is left behind when a model is on a GPU: a pretended one, so that it runs anywhere."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import BOTTLENECKS, ENCODERS, small
from helpers.objectives import reconstruction
from helpers.pretended_gpu import GPU, OnTwoDevices, PretendedGPU, moved, place

from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.metrics.likelihood import controls
from wavenet_ae.metrics.receptive_fields import measure_receptive_fields
from wavenet_ae.models import WaveformAutoencoder, build
from wavenet_ae.training.step_randomness import StepRandomness
from wavenet_ae.training.validation import ValidationSums
from wavenet_ae.types import Batch, Position

BATCH = 6
UPSAMPLING = {"identity": {"strides": [2], "kernels": [4]}}


def model_of(bottleneck: str, encoder: str = "mfcc", **settings) -> WaveformAutoencoder:
    torch.manual_seed(0)
    config = small(bottleneck, encoder)
    config["bottleneck"].update(settings)
    config["model"]["upsampling"].update(UPSAMPLING.get(encoder, {}))
    return moved(build(config, ["anna", "bert"]))


def speech(num_samples: int) -> torch.Tensor:
    return torch.randint(-5000, 5000, (BATCH, num_samples), dtype=torch.int16).to("cuda")


CASES = [(name, "mfcc", {}) for name in BOTTLENECKS]
CASES += [("vqvae_ema", encoder, {}) for encoder in ENCODERS if encoder != "mfcc"]
CASES += [(name, "mfcc", {"init": "kmeans"}) for name in ("vqvae", "vqvae_ema", "rvq", "simvq")]


@pytest.mark.parametrize(("bottleneck", "encoder", "settings"), CASES)
def test_a_model_stays_on_its_device(bottleneck, encoder, settings):
    model = model_of(bottleneck, encoder, **settings)
    with PretendedGPU():
        train(model)
        model.eval()
        plan = model.window(4 * int(model.hop))
        waveform, speaker = speech(plan.slice_length), torch.zeros(BATCH, dtype=torch.long).to(GPU)
        mean = model.average_feature_mean(BATCH)
        output = model(waveform, speaker, plan, feature_mean=mean)
        sums = ValidationSums(model, GPU)
        sums.add(output, controls(model, output, waveform, speaker, plan), speaker)
        assert sums.metrics() and sums.bitrates(3.0)
        assert place(model.encode(waveform[0], 8000)) == "cuda"


def test_decoding_and_certificates_stay_on_a_model_s_device():
    model = model_of("rvq").eval()
    with PretendedGPU():
        codes = torch.zeros(3, 1, dtype=torch.long)  # as a file gives them
        assert len(model.decode(codes, "anna", engine="reference"))
        assert all(each.agrees for each in measure_receptive_fields(model))


def train(model: WaveformAutoencoder) -> None:
    """Some steps, the codes placed first where they are."""
    plan, bottleneck = model.window(4 * int(model.hop)), model.bottleneck
    if isinstance(bottleneck, Quantizer) and not bottleneck.is_quantizing:
        mean = model.average_feature_mean(BATCH)
        latents = [
            model.latents(speech(plan.slice_length), plan, feature_mean=mean).detach()
            for _ in range(20)
        ]
        bottleneck.begin_quantizing(torch.cat(latents), seed=3)
    copies, dim = bottleneck.samples_per_datapoint, bottleneck.latent_noise_dim
    samples = StepRandomness(1, BATCH, plan.num_codes, dim, copies)
    objective = reconstruction(bottleneck.code_weighting)
    optimizer = torch.optim.Adam(model.parameters())
    for index in range(4):  # in which codes die and are revived
        step = samples.step(index, Position(0, index), GPU)
        speaker = torch.zeros(BATCH, dtype=torch.long).to(GPU)
        waveform = speech(plan.slice_length)
        batch = Batch(waveform, speaker, speaker, speaker)
        output = model(waveform, speaker, plan, step, model.average_feature_mean(BATCH))
        assert place(output.parameters) == place(output.targets) == "cuda"
        objective(output, batch, plan, index).total.backward()
        optimizer.step()
        optimizer.zero_grad()


def test_what_is_left_behind_is_found():
    model = model_of("ae")
    plan = model.window(4 * int(model.hop))
    with PretendedGPU():
        speaker = torch.zeros(BATCH, dtype=torch.long)
        with pytest.raises(OnTwoDevices):
            model(speech(plan.slice_length), speaker, plan)
        with pytest.raises(TypeError, match="numpy"):
            speech(3).numpy()
