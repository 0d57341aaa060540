"""Show what an output of a model reads: the exact set of frames, and a plot of its gradient.

wavenet-ae receptive-field encoder=causal 'encoder.stacks=[{kernel: 3, dilations: [1, 3]}]'
wavenet-ae receptive-field encoder=units out=units.pdf
wavenet-ae receptive-field checkpoint=outputs/first
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from wavenet_ae.cli.arguments import command
from wavenet_ae.config import check, plain
from wavenet_ae.errors import UserError, counted
from wavenet_ae.exits import guarded
from wavenet_ae.schema import accepts, describe, require_none

if TYPE_CHECKING:
    from wavenet_ae.metrics.frames_read import FrameField
    from wavenet_ae.models import CodeModel

SETTINGS: dict[str, Any] = {"checkpoint": str | None, "out": str}
SUFFIXES = (".png", ".pdf", ".jpg")


def run(config: dict[str, Any], given: Sequence[str] = ()) -> None:
    """Prints the sets of frames and writes the plot.

    Args:
        config: A plain configuration.
        given: What the command line sets.

    Raises:
        UserError: A setting cannot be used, the model has no encoder, or reads frames that do not
            follow from its geometry.
    """
    settings = {name: config.pop(name) for name in SETTINGS}
    require_none(_problems(settings, given))
    if settings["checkpoint"] is None:
        check(config)
    from wavenet_ae.audio.features import Waveform
    from wavenet_ae.metrics.frames_read import measure_frames_read
    from wavenet_ae.plotting.figures import save
    from wavenet_ae.plotting.receptive_fields import plot_receptive_fields

    model = _model(config, settings["checkpoint"])
    fields = measure_frames_read(model)
    for field in fields:
        unit = "sample" if isinstance(model.encoder.features, Waveform) else "frame"
        print("\n".join(_lines(field, model.sample_rate, unit)))
    figure = plot_receptive_fields(fields, model.sample_rate, model.encoder.features.bands_hz)
    print(f"written: {save(figure, Path(settings['out']).expanduser())}")
    wrong = [field.level for field in fields if field.leaks or field.unread]
    if wrong:
        raise UserError(
            f"{' and '.join(wrong)} were measured to read other frames than their geometry says: "
            "the chain of the encoder is wrong"
        )


def _problems(settings: Mapping[str, Any], given: Sequence[str]) -> Iterator[str]:
    for name, kind in SETTINGS.items():
        if not accepts(settings[name], kind):
            yield f"{name} is {settings[name]!r}, but must be {describe(kind)}"
    out = settings["out"]
    if isinstance(out, str) and Path(out).suffix.lower() not in SUFFIXES:
        yield f"out is {out!r}, but must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
    if settings["checkpoint"] is not None:
        for each in given:
            if each.split("=")[0].lstrip("+") not in SETTINGS:
                yield f"{each} is not read with checkpoint=, which has its own model: remove one"


def _model(config: Mapping[str, Any], checkpoint: str | None) -> CodeModel:
    """Returns the model in evaluation mode and in double precision, where no rounding hides a 0."""
    import torch

    from wavenet_ae.loading import load
    from wavenet_ae.models import CodeModel, build
    from wavenet_ae.models.build import model_config

    torch.manual_seed(config["seed"])
    try:
        built = load(checkpoint) if checkpoint else build(model_config(config), ["speaker"])
    except (ValueError, RuntimeError) as error:
        raise UserError(f"The model cannot be built: {error}") from None
    if not isinstance(built, CodeModel):
        raise UserError(
            f"{type(built).__name__} has no encoder: choose a model that has, such as "
            "model=autoencoder or model=representation"
        )
    return built.double().eval()


def _lines(field: FrameField, rate: int, unit: str) -> Iterator[str]:
    """Describes a level: the exact set, its span in samples, and what was measured.

    Args:
        field: What an output of the level reads.
        rate: Sample rate in Hz.
        unit: What a frame of the features is called.
    """
    if field.computed is None or field.span is None:
        yield f"{field.level}: no fixed receptive field: all of the past, or the whole window"
        return
    first, last = field.span
    milliseconds = 1000 / rate
    yield f"{field.level}: {counted(len(field.computed), unit)}, {ranges(field.computed)}"
    yield (
        f"  samples {float(first):+g} to {float(last):+g} of its anchor: "
        f"{float(last - first + 1) * milliseconds:.1f} ms; lookahead "
        f"{counted(max(0, max(field.computed)), unit)}, {float(last) * milliseconds:.1f} ms"
    )
    reached = f"the gradient reaches {len(field.by_gradient & field.computed)} of them"
    by_nan = "" if field.by_nan is None else "a NaN in any of them spoils it; "
    if field.unread:
        by_nan = f"NaN PASS WITHOUT A TRACE IN {ranges(field.unread)}; "
    leaks = f"; IT ALSO READS {ranges(field.leaks)}" if field.leaks else ", and no other"
    yield f"  measured: {by_nan}{reached}{leaks}"


def ranges(frames: frozenset[int]) -> str:
    """Returns frames in words, such as `-11 to -9, -6, 0`."""
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


@command("receptive_field")
def main(config: DictConfig) -> None:
    given = HydraConfig.get().overrides.task
    guarded(lambda: run(plain(config), given))


if __name__ == "__main__":
    main()
