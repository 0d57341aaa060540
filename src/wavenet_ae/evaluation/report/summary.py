"""What matters most of each model, in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wavenet_ae.evaluation.formatting import ERROR, HIGH, LOW
from wavenet_ae.evaluation.parts.likelihood import WORDS
from wavenet_ae.evaluation.report.reading import Judged
from wavenet_ae.evaluation.report.tables import Table, by_model
from wavenet_ae.evaluation.results import Value
from wavenet_ae.metrics.reconstruction import RECONSTRUCTION


@dataclass(frozen=True)
class Headline:
    """The figure `column` of the first row of `part` that begins with the cells `row`."""

    heading: str
    part: str
    row: tuple[str, ...]
    column: str


PHONE, SPEAKER = "phone of a frame", "speaker of an utterance"
HEADLINES = (
    Headline("NLL, nats/sample", "likelihood", (WORDS["all"],), "nats_per_sample"),
    Headline(
        "another item's codes cost", "likelihood", (WORDS["shuffled_codes"],), "nats_per_sample"
    ),
    Headline("nominal bit/s", "bitrate", ("nominal",), "bits_per_second"),
    Headline("unigram bit/s", "bitrate", ("unigram",), "bits_per_second"),
    Headline("KL bit/s", "bitrate", ("kl",), "bits_per_second"),
    Headline("PNMI", "units", (), "pnmi"),
    Headline("PNMI of k-means", "units", ("k-means on MFCC",), "pnmi"),
    Headline("phone, from vectors", "probes", (PHONE, "vectors", "linear"), "accuracy"),
    Headline("speaker, from latents", "probes", (SPEAKER, "latents", "linear"), "accuracy"),
    Headline("speaker, from vectors", "probes", (SPEAKER, "vectors", "linear"), "accuracy"),
    Headline("ABX error", "abx", ("vectors", "angular", "the same"), "across_speakers"),
    Headline("LSD, dB", "sounds", (RECONSTRUCTION,), "lsd_db"),
    Headline("MCD, dB", "sounds", (RECONSTRUCTION,), "mcd_db"),
)
ABOUT = (
    "NLL, and what another item's codes cost, in nats per sample.  PNMI of codes, or of clusters "
    "of vectors, with phones.  The share of phones of frames and speakers of utterances that a "
    "linear probe names from latents, before the bottleneck, and from vectors, behind it.  ABX "
    "error of vectors across speakers.  Distances of reconstructions from their originals."
)


def summary(judged: Sequence[Judged]) -> Table:
    """A row a model; columns that no model has are left out."""
    return by_model({each.name: [headlines(each)] for each in judged})


def headlines(judged: Judged) -> dict[str, Value]:
    """By their headings, with errors and limits as findings have them."""
    found: dict[str, Value] = {}
    for each in HEADLINES:
        row = _row(judged, each)
        if row is not None:
            found[each.heading] = row[each.column]
            for suffix in (ERROR, LOW, HIGH):
                found[each.heading + suffix] = row.get(each.column + suffix)
    return found


def _row(judged: Judged, headline: Headline) -> Mapping[str, Value] | None:
    part, start = judged.part(headline.part), headline.row
    rows = part.rows if part else ()
    has_column = (row for row in rows if headline.column in row)
    return next((row for row in has_column if tuple(row.values())[: len(start)] == start), None)
