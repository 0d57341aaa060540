"""Titles of the tables of an evaluation, and how their numbers were measured, by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wavenet_ae.evaluation.report.words import spelled


@dataclass(frozen=True)
class TableWords:
    """Words of a table.

    Attributes:
        title: Its title.
        about: Sentences on how it was measured.  A sentence with `{name}` is left out where the
            table's metadata has no such name.
        is_detail: Whether it is too long for a console.
        is_plotted: Whether only plots show it.
    """

    title: str
    about: Sequence[str] = ()
    is_detail: bool = False
    is_plotted: bool = False


# In the order of a page.
TABLES = {
    "receptive_fields": TableWords(
        "Receptive fields",
        [
            "In samples: of a code from its anchor, of a prediction from the predicted sample.",
            "Computed from the geometry, and measured by how far a NaN spreads.",
        ],
    ),
    "likelihood": TableWords(
        "Likelihood",
        [
            "Mean over the samples of whole utterances, with silence around them; interior samples "
            "depend on none of it.",
            "Errors are standard errors over utterances.",
        ],
    ),
    "ablations": TableWords(
        "NLL increase without the right conditioning",
        [
            "How much the NLL of a sample rises when the codes or the speaker are replaced.",
            "Errors are standard errors over utterances.",
        ],
    ),
    "frame_baselines": TableWords(
        "Baselines of frames",
        [
            "The same frames, predicted without the model; fitted to {num_fitted:counted "
            "utterance} of the training split.",
            "Histogram: how frequent values are in each channel. Previous frame: a Gaussian "
            "around it. Linear prediction: a Gaussian around a linear map of all channels of "
            "{history} frames. Deviations are fitted per channel.",
            "The newest frame that they read is {lag} before the predicted one, as the newest "
            "that the model has read.",
            "Errors are standard errors over utterances.",
        ],
    ),
    "bitrate": TableWords(
        "Bitrate",
        [
            "nominal: code rate times log2 of the codebook size; unigram: code rate times the "
            "entropy of the codes' frequencies; run length: rate of runs times the entropies of "
            "their codes and lengths; KL: of a Gaussian posterior to its prior; speaker: log2 of "
            "the number of speakers, once an utterance.",
            "A bottleneck that has only the last one passes on vectors of unlimited precision.",
        ],
    ),
    "reconstruction": TableWords(
        "Reconstruction",
        [
            "{num_utterances:counted utterance}, at most the first {max_seconds:g} s of each; "
            "means with standard errors over them.",
            "LSD and MCD are distances from the original in dB; same codes: share of codes that "
            "are the original's when the sound is encoded again; F0: mean of voiced frames in Hz, "
            "beside that of the original and of the target speaker.",
            "Not installed: {missing_packages} (pip install {missing_packages}).",
        ],
    ),
    "reconstruction_files": TableWords(
        "Reconstruction, each file", ["One row for each file."], is_detail=True
    ),
    "intelligibility": TableWords(
        "Intelligibility",
        [
            "Measured on the files of the reconstruction ({num_utterances:counted utterance}) by "
            "pretrained networks; means with standard errors over utterances.",
            "WER and CER: errors of an English recognizer (Whisper tiny.en), above 1 where it "
            "inserts much.",
            "DNSMOS: estimate of the mean opinion score, 1 to 5; voice: cosine of the speaker "
            "embeddings of the sound and of the original.",
        ],
    ),
    "intelligibility_files": TableWords(
        "Intelligibility, each file", ["One row for each file."], is_detail=True
    ),
    "units": TableWords(
        "Units vs. phones",
        [
            "All {num_utterances:counted utterance} with labels, of all splits, and their "
            "{num_labels:counted label} ({num_without_labels:counted other utterance} without any "
            "that can be read).",
            "Damaged labels: {num_damaged_labels:counted utterance}.",
            "Left out: {num_empty_segments:counted segment} of no length.",
            "PNMI: I(unit; label) / H(label), beside it with shuffled labels.",
            "Purity: share of frames whose label is the most frequent of their unit, on the same "
            "frames (van den Oord et al. 2017), beside the most frequent label of all (majority), "
            "and with each unit's label taken from the other half of the {halves} (held out), the "
            "last also with shuffled labels.",
            "k-means is fitted to utterances of the split {kmeans_split}.",
            "Smoothed units: a change of unit costs {smoothing:g} mean margins between the nearest "
            "and the second nearest unit (Kamper and van Niekerk 2021). PNMI rises with smoothness "
            "alone, so compare held-out purity and ABX too.",
            "MFCC by utterance: the mean of a code's frames, minus the mean of the utterance; by "
            "speaker: normalized by the mean and deviation of the speaker; averaged: over 5 "
            "frames, minus the mean of the utterance.",
        ],
    ),
    "boundaries": TableWords(
        "Boundaries and durations",
        [
            "Boundaries of labels vs. changes of units, with a tolerance of 20 ms.",
            "Uniform boundaries: as many as changes of the first units, evenly spaced.",
            "Durations are of runs of one unit; run-length bit/s: runs per second times the "
            "entropies of their units and lengths.",
        ],
    ),
    "unit_usage": TableWords("Unit usage", is_plotted=True),
    "contingency": TableWords("Units and labels", is_plotted=True),
    "alignment_example": TableWords("Alignment of an utterance", is_plotted=True),
    "probing": TableWords(
        "Probing",
        [
            "Utterances of all splits.",
            "Accuracy on {num_frames} of {num_eligible_frames:counted frame}, or on means over "
            "utterances; mean of {num_seeds:counted seed} of at most {num_folds:counted fold}, "
            "with 95 % intervals over what folds divide.",
            "Probes of phones are tested on other {phone_folds} than they were trained on.",
            "Probes of speakers are tested on other {speaker_folds} than they were trained on.",
            "linear: logistic regression; MLP: one hidden layer of 128.",
            "shuffled: trained on labels in random order; prior: always the most frequent label.",
            "latents are before the bottleneck, vectors and codes after it.",
        ],
    ),
    "memory_span": TableWords(
        "Memory",
        [
            "Decoders of log-mel frames, trained on {num_codes:counted code} of "
            "{num_utterances:counted utterance} of all splits; tested on other utterances.",
            "recalled: how far back the explained variance stays at .5 or more; read: how far back "
            "the code reads; mean: over the frames that it reads; not read: over others.",
            "linear: ridge regression; MLP: one hidden layer of 128.",
            "present frame: what the frame at the code gives away of its neighbors, without any "
            "memory.",
        ],
    ),
    "memory": TableWords("Memory by lag", is_plotted=True),
    "abx": TableWords(
        "ABX",
        [
            "{num_items:counted phone} of {num_recordings:counted utterance} of all splits.",
            "{num_left:counted utterance} with labels left out (max_abx_items).",
            "{num_empty:counted phone} without a code left out.",
            "A and X are the same phone, B is another: the error is the share of triples in which "
            "X is nearer to B, 0.5 by chance (Schatz 2016).",
            "within: all of one speaker; across: X of another one.  Neighbors of A, B and X are "
            "the same, or any.",
            "Vectors are compared by angle, codes by identity, along the best alignment; groups "
            "are averaged as in the ZeroSpeech 2021 challenge.",
        ],
    ),
}


def table_words(id: str) -> TableWords:
    """Words of a table; of one that has none, its id as its title."""
    return TABLES.get(id, TableWords(spelled(id)))
