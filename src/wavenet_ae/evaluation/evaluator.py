"""An evaluation from its settings to its file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from wavenet_ae.engines import make_engine
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import FILE, Settings
from wavenet_ae.evaluation.dataset import Speech, open_speech
from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus, find_labels
from wavenet_ae.evaluation.parts.abx import judge_abx
from wavenet_ae.evaluation.parts.likelihood import judge_bitrate, judge_likelihood
from wavenet_ae.evaluation.parts.probing import judge_probes
from wavenet_ae.evaluation.parts.receptive_fields import judge_certificates
from wavenet_ae.evaluation.parts.reconstruction import judge_sounds
from wavenet_ae.evaluation.parts.units import judge_units
from wavenet_ae.evaluation.progress import Progress
from wavenet_ae.evaluation.results import Evaluation, ResultTable, earlier_findings
from wavenet_ae.loading import device_named, load_with_fingerprint
from wavenet_ae.models import Autoencoder, GenerativeModel, model_summary
from wavenet_ae.provenance import this_command

logger = logging.getLogger(__name__)

# Parts whose work is numpy's and scikit-learn's.
ON_CPU = ("certificates", "units", "probes", "abx")
BY_LABELS = {"units", "probes", "abx"}
NOTHING_WITHOUT_LABELS = ("units", "abx")
OF_CODES = ("bitrate", "sounds", "units", "probes", "abx")  # a model without codes has none


def evaluate(settings: Settings) -> Evaluation:
    """Writes `<out>/evaluation.json` after each part, and sounds beside it; parts that are there
    already, of the same model and speech, stay.

    Raises UserError, before anything is measured, where checkpoint, speech and settings do not fit
    together.
    """
    model, fingerprint = load_with_fingerprint(settings.file)
    wanted = _wanted(model, settings)
    device = device_named(settings.device)
    model.to(device)
    speech = open_speech(model, settings)
    labeled = LabeledCorpus(speech.corpus, [], [], [], len(speech.corpus))
    if BY_LABELS & set(wanted):
        labeled = find_labels(speech.corpus, speech.paths(), settings)
        wanted = _that_can_be_had(wanted, labeled, settings)
    make_engine(settings.engine, model.decoder)  # if there is none, it is said now
    judge = Evaluator(model, speech, labeled, settings, device)
    evaluation = Evaluation(
        model=_described(model, fingerprint, settings),
        corpus=speech.described(model, settings.asked_split),
        command={**this_command(), "settings": asdict(settings)},
        findings=[],
    )
    file = settings.destination / FILE
    kept = earlier_findings(file, evaluation.model, evaluation.corpus)
    for part in wanted:
        evaluation.findings.extend(judge.part(part))
        evaluation.write(file, kept)
    return evaluation


def _wanted(model: GenerativeModel, settings: Settings) -> list[str]:
    lacking = () if isinstance(model, Autoencoder) else OF_CODES
    refused = [part for part in settings.parts if part in lacking]
    if refused:
        raise UserError(
            f"parts has {', '.join(refused)}, but this model has no codes: leave them out"
        )
    return [part for part in settings.wanted if part not in lacking]


def _that_can_be_had(wanted: list[str], labeled: LabeledCorpus, settings: Settings) -> list[str]:
    lacking = [part for part in wanted if part in NOTHING_WITHOUT_LABELS]
    if labeled.rows or not lacking:
        return wanted
    where = f"labels={settings.labels}, suffix={settings.suffix}"
    if settings.parts:
        raise UserError(
            f"parts has {', '.join(lacking)}, but no recording has labels ({where}): say where "
            "they are, or leave this out"
        )
    logger.warning("no recording has labels (%s): no units, no ABX, no probes of phones", where)
    return [part for part in wanted if part not in lacking]


@dataclass(frozen=True)
class Evaluator:
    """Measures one part after another."""

    model: GenerativeModel
    speech: Speech
    labeled: LabeledCorpus
    settings: Settings
    device: str

    def part(self, name: str) -> Iterator[ResultTable]:
        model, settings = self.model, self.settings
        model.to("cpu" if name in ON_CPU else self.device)
        corpus, rows = self.speech.corpus, self.speech.rows
        with Progress(name) as progress:
            match name, model:
                case "certificates", _:
                    yield judge_certificates(model)
                case "likelihood", _:
                    yield judge_likelihood(model, corpus, rows, settings.seed, progress)
                case "bitrate", Autoencoder():
                    yield judge_bitrate(model, corpus, rows, progress)
                case "sounds", Autoencoder():
                    yield from judge_sounds(model, corpus, rows, settings, progress)
                case "units", Autoencoder():
                    folder = settings.destination
                    yield from judge_units(model, self.labeled, settings.seed, folder, progress)
                case "probes", Autoencoder():
                    yield from judge_probes(model, self.labeled, settings, progress)
                case "abx", Autoencoder():
                    yield from judge_abx(model, self.labeled, settings, progress)


def _described(model: GenerativeModel, fingerprint: str, settings: Settings) -> dict[str, Any]:
    folder = settings.run_folder
    described: dict[str, Any] = {
        "name": folder.name if folder else settings.file.stem,
        "checkpoint": str(settings.file),
        "fingerprint": fingerprint,
        "sample_rate": model.sample_rate,
        "num_speakers": len(model.speakers),
        "card": model_summary(model, model.window(int(model.hop))),
    }
    if isinstance(model, Autoencoder):
        bottleneck = model.bottleneck
        described |= {
            "bottleneck": type(bottleneck).__name__,
            "codes_per_second": float(model.sample_rate / model.hop),
            "codebook_size": bottleneck.codebook_size,
            "num_codebooks": bottleneck.num_codebooks,
        }
    return described
