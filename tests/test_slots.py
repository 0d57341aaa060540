"""Each place of a configuration takes objects of its own class, and nothing else."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
from helpers.configs import small

import wavenet_ae
from wavenet_ae.audio.features import Features
from wavenet_ae.decoders import Decoder
from wavenet_ae.encoders import Encoder
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import instantiate, resolve
from wavenet_ae.resume import STORED_OF_LIGHTNING
from wavenet_ae.schema import NonNegative, object_classes, parameter_types
from wavenet_ae.slots import base_of, group_problems, groups, resolve_in

# Every class that a configuration may name in each group, below its own parameters in brackets.
CLASSES = {
    "encoder": "CausalEncoder CausalEncoder2d ConvolutionalEncoder Encoder FeatureEncoder "
    "PretrainedEncoder Wav2Vec2Encoder",
    "bottleneck": "AE BandQuantizer Bottleneck FSQ Identity LFQ Quantizer RVQ "
    "RandomProjectionQuantizer ResidualFSQ SimVQ VAE VQVAE VQVAEEMA VectorQuantizer",
    "target": "DiscretizedMel LogMel MuLaw PCM Target",
    "decoder": "Decoder FrameConvolution FrameDecoder FrameRNN GRUDecoder WaveNet",
    "model": "AlignedAutoencoder Autoencoder CodeModel GenerativeModel HierarchicalAutoencoder "
    "OneStream Representation SpeechModel "
    "WaveNetLanguageModel WaveformAutoencoder",
    "objective": "BottleneckLosses Contrastive MaskedPrediction ObjectiveTerm Reconstruction",
    "optimizer": "OptimizerConfig",
    "data": "SpeechData",
    "trainer": "",
    "callbacks": "AudioSamples BottleneckGradient Checkpoints CodebookInit CodebookMonitor "
    "DeadUnits DecoderMonitor Doctor Ending LatentMonitor Monitor PosteriorMonitor Progress "
    "Threads Throughput WandbMedia WaveformMonitor WeightUpdates",
    "logger": "CSVLog HistogramLog RunLogger TensorBoard WandB",
    "[Chain]": "Chain",
    "[Context]": "CausalContext Context GRUContext",
    "[Features]": "Features LogMel MFCC Waveform",
    "[OutputDistribution]": "Categorical Gaussian MixtureOfGaussians MixtureOfLogistics "
    "OutputDistribution",
    "[Perturbation]": "Perturbation",
    "[Source]": "ArchivedSource FolderSource LJSpeechSource LibriSpeechSource LibriTTSSource "
    "Source SpeechCommandsSource TableSource ToySource VCTKSource",
    "[Splits]": "Splits Undivided",
    "[Upsampling]": "Upsampling",
}
CLASSES["monitors"] = CLASSES["callbacks"]


def all_classes() -> set[type]:
    """The classes that are defined in the modules of the package."""
    modules = [
        import_module(each.name)
        for each in walk_packages(wavenet_ae.__path__, "wavenet_ae.")
        if not each.name.endswith("__main__")
    ]
    return {
        each
        for module in modules
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__
    }


def is_taken(found: type, kind: type) -> bool:
    try:
        return resolve(f"{found.__module__}.{found.__name__}", kind) is found
    except UserError:
        return False


def test_all_that_a_configuration_can_build_is_on_the_list():
    known, found = all_classes(), {}
    todo = [(group, base_of(group)) for group in groups()]
    while todo:
        place, kind = todo.pop()
        taken = [each for each in known if is_taken(each, kind)]
        found[place] = " ".join(sorted(each.__name__ for each in taken))
        for each in (kind for taker in taken for kind in parameter_types(taker).values()):
            for nested in object_classes(each):
                is_part = any(issubclass(nested, base_of(group)) for group in groups())
                if not is_part and f"[{nested.__name__}]" not in found:
                    todo.append((f"[{nested.__name__}]", nested))
    assert found == CLASSES


def test_functions_and_private_names_are_never_taken():
    public = [
        f"{module.__name__}.{name}"
        for module in map(
            import_module, ("wavenet_ae.storage", "wavenet_ae.engines.native.compiler")
        )
        for name, each in vars(module).items()
        if callable(each)
    ]
    assert len(public) > 20
    for target in public:
        for group in groups():
            with pytest.raises(UserError, match="_target_ is"):
                resolve_in(group, target)


@pytest.mark.parametrize("target", ["wavenet_ae.data.corpora._LibriSource", "os.system", 7, None])
def test_what_is_no_public_class_of_the_package_is_refused(target):
    with pytest.raises(UserError, match="_target_ is"):
        resolve_in("data", target)


@pytest.mark.parametrize(
    ("group", "target"),
    [
        ("logger", "wavenet_ae.training.logging.tensorboard.TensorBoardLogger"),
        ("logger", "wavenet_ae.training.logging.wandb.WandbLogger"),
        ("callbacks", "wavenet_ae.training.callbacks.audio_samples.WeightAveraging"),
    ],
)
def test_classes_of_lightning_are_not_taken_by_the_name_of_a_module_that_imports_them(
    group, target
):
    module, _, name = target.rpartition(".")
    assert getattr(import_module(module), name).__module__.startswith("pytorch_lightning.")
    with pytest.raises(UserError, match="is not a class defined there"):
        resolve_in(group, target)


@pytest.mark.parametrize("group", ["encoder", "bottleneck", "decoder", "objective", "data"])
def test_classes_of_lightning_are_taken_by_groups_of_lightning_alone(group):
    with pytest.raises(UserError, match=r"must lie under wavenet_ae\."):
        resolve_in(group, "pytorch_lightning.callbacks.Timer")


def test_what_a_run_folder_may_name_of_lightning_belongs_to_a_group():
    for target in STORED_OF_LIGHTNING:
        base = "strategies" if ".strategies." in target else "callbacks"
        if base == "strategies":
            (kind,) = object_classes(parameter_types(base_of("trainer"))["strategy"])
            assert resolve(target, kind, ("pytorch_lightning.",))
        else:
            group = "trainer" if target.endswith(".Trainer") else "callbacks"
            assert issubclass(resolve_in(group, target), base_of(group))


def test_an_annotation_asks_for_objects_of_its_classes_alone():
    assert object_classes(Features | None) == (Features,)
    assert object_classes(Encoder | Decoder) == (Encoder, Decoder)
    nothing = (int, str, object, type, Path, NonNegative, Callable, Callable[[], int], None)
    assert [object_classes(each) for each in nothing] == [()] * len(nothing)
    assert object_classes(list[Features]) == object_classes(dict[str, Features]) == ()


MFCC = {"_target_": "wavenet_ae.audio.features.MFCC"}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"dim": MFCC}, r"encoder\.dim\._target_ is set"),
        ({"kernels": [3, MFCC]}, r"encoder\.kernels\[1\]\._target_ is set"),
        ({"strides": [{"a": MFCC}]}, r"encoder\.strides\[0\]\.a\._target_ is set"),
        ({"features": {**MFCC, "num_mels": MFCC}}, r"encoder\.features\.num_mels\._target_"),
        ({"features": {"a": MFCC}}, r"encoder\.features\.a\._target_ is set"),
        ({"features": {"_target_": "wavenet_ae.targets.PCM"}}, "not a Features"),
        ({"features": {"_target_": "wavenet_ae.encoders.FeatureEncoder"}}, "not a Features"),
    ],
)
def test_a_node_stands_where_an_object_is_taken_and_is_of_its_class(settings, problem):
    node = {**small()["encoder"], **settings}
    (found,) = group_problems({"encoder": node, "model": small()["model"]}, ["encoder"])
    with pytest.raises(UserError) as raised:
        instantiate(node, Encoder, sample_rate=8000)
    assert re.search(problem, found)
    assert str(raised.value).split(" is ")[-1] in found


def test_nothing_is_built_before_all_is_known_to_be_allowed(monkeypatch):
    built = []
    monkeypatch.setattr("wavenet_ae.audio.features.MFCC.__init__", lambda *_, **__: built.append(1))
    node = {**small()["encoder"], "features": MFCC, "dim": {"_target_": "os.system"}}
    with pytest.raises(UserError, match="_target_ is set"):
        instantiate(node, Encoder, sample_rate=8000)
    assert not built
