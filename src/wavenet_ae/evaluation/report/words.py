"""Words for people, by the ids of evaluations: the only place that has them.

An id without words here is shown as it is, with spaces for its underscores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


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
            "Of the files of the reconstruction ({num_utterances:counted utterance}), by "
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

NOTES = {
    "one_window": "With one window of speech there are no other codes to shuffle with.",
    "one_utterance_shuffled": "Of one utterance, shuffled codes are from another moment of it.",
    "no_known_speaker": "The model knows none of the speakers: none is replaced by another.",
    "not_quantizing": "The bottleneck does not quantize yet, for this checkpoint is from before "
    "bottleneck.start_after: it passes on vectors, and there are no codes.",
    "no_joint_codes": "The {num_codebooks} codebooks of {codebook_size} codes have more than "
    "{max_joint_units} combinations: they are evaluated one by one only.",
    "no_smoothed_codes": "Codebooks of more than {max_smoothed_codes} codes are not smoothed.",
    "one_utterance": "There is one utterance, so there is no other one's codes for a control.",
    "no_conversion": "Nothing is converted: no two speakers that the model knows have "
    "{min_f0_seconds:g} s of recordings to measure their F0.",
    "no_phone_probe": "No probe of phones: fewer than two utterances have frames with a phone.",
    "no_speaker_probe": "No probe of speakers: fewer than two speakers have two utterances.",
    "reference_words": "Errors are counted against the words of .wrd files beside the recordings.",
    "reference_recognized": "Errors are counted against what is recognized in the original.",
    "items_from_file": "Items are from the .item file.",
    "items_from_labels": "Items are from labels; silence is a neighbor only.",
}

# Why a part was skipped.
REASONS = {
    "no_codes": "the model has no codes",
    "no_likelihood": "the model predicts no samples",
    "no_audio": "the model generates no audio",
    "no_labels": "no recording has labels",
    "no_pretrained": "the packages of its pretrained networks are not installed "
    "(pip install 'wavenet_ae[intelligibility]')",
    "no_reconstructions": "no reconstructions lie in the folder (metrics=[reconstruction] makes "
    "them)",
    "no_fixed_context": "the decoder depends on all past samples",
    "no_phones": "labels name no phone but silence",
    "too_short_utterances": "fewer than two utterances are longer than what a code reads",
    "too_few_utterances": "there are too few utterances of each speaker",
}

HEADINGS = {
    "system": "units",
    "nll": "NLL (nats/sample)",
    "nll_increase": "NLL increase (nats/sample)",
    "nll_per_frame": "NLL (nats/frame)",
    "nll_per_value": "nats/value",
    "nll_increase_per_frame": "NLL increase (nats/frame)",
    "nll_increase_per_value": "nats/value",
    "bits_per_sample": "bits/sample",
    "bits_per_second": "bit/s",
    "num_samples": "samples",
    "kind": "audio",
    "lsd_db": "LSD (dB)",
    "mcd_db": "MCD (dB)",
    "f0_hz": "F0 (Hz)",
    "original_f0_hz": "original's",
    "voice_f0_hz": "voice's",
    "pesq": "PESQ",
    "stoi": "STOI",
    "wer": "WER",
    "cer": "CER",
    "dnsmos": "DNSMOS",
    "speaker_similarity": "voice",
    "pnmi": "PNMI",
    "pnmi_shuffled": "shuffled",
    "nmi": "NMI",
    "purity_held_out": "held out",
    "purity_held_out_shuffled": "held out, shuffled",
    "run_length_bits_per_second": "run-length bit/s",
    "num_used": "used",
    "num_units": "of",
    "r_value": "R-value",
    "f1": "F1",
    "mean_duration_ms": "mean ms",
    "median_duration_ms": "median ms",
    "recalled_ms": "recalled (ms)",
    "read_ms": "read (ms)",
    "explained_now": "now",
    "explained_variance": "mean",
    "explained_unread": "not read",
    "context": "neighbors",
    "error_within_speakers": "within speakers",
    "error_across_speakers": "across speakers",
    "num_groups_within": "groups within",
    "num_groups_across": "groups across",
}

# Headings of headlines, by their ids.
HEADLINES = {
    "nll": "NLL (nats/sample)",
    "nll_increase_shuffled_codes": "NLL increase with shuffled codes",
    "nll_per_frame": "NLL (nats/frame)",
    "nll_per_frame_increase_shuffled_codes": "NLL increase with shuffled codes (nats/frame)",
    "nominal_bits_per_second": "nominal bit/s",
    "unigram_bits_per_second": "unigram bit/s",
    "kl_bits_per_second": "KL bit/s",
    "pnmi": "PNMI",
    "pnmi_kmeans_mfcc": "PNMI of k-means",
    "boundary_r_value": "R-value",
    "phone_accuracy": "phone, from vectors",
    "speaker_accuracy_latents": "speaker, from latents",
    "speaker_accuracy": "speaker, from vectors",
    "abx_error": "ABX error",
    "lsd_db": "LSD (dB)",
    "mcd_db": "MCD (dB)",
    "cer": "CER",
}

# Cells of columns whose values are ids.
CELLS: dict[str, dict[str, str]] = {
    "reads": {
        "prediction_of_samples": "past samples of a prediction",
        "code_of_samples": "samples of a code",
        "code_by_predictions": "predictions conditioned on a code",
        "prediction_by_codes": "samples of a prediction, by way of codes",
    },
    "samples": {"all": "all samples", "interior": "interior samples"},
    "control": {
        "shuffled_codes": "shuffled codes",
        "zeroed_codes": "zeroed codes",
        "other_speaker": "another speaker",
    },
    "baseline": {
        "previous_frame": "previous frame",
        "linear_prediction": "linear prediction",
    },
    "estimate": {"run_length": "run length", "kl": "KL"},
    "kind": {
        "shuffled_codes": "resynthesized from another utterance's codes",
        "lowest_voice": "converted to the lowest voice",
        "highest_voice": "converted to the highest voice",
        "quantized": "original, quantized as the target",
    },
    "system": {
        "joint_codes": "codes of all codebooks",
        "kmeans_vectors": "k-means on vectors",
        "kmeans_mfcc": "k-means on MFCC",
        "kmeans_mfcc_utterance": "k-means on MFCC, by utterance",
        "kmeans_mfcc_speaker": "k-means on MFCC, by speaker",
        "kmeans_mfcc_averaged": "k-means on averaged MFCC",
        "kmeans_random_encoder": "k-means on a random encoder",
        "uniform": "uniform boundaries",
    },
    "task": {
        "phone": "phone of a frame",
        "speaker_of_frame": "speaker of a frame",
        "speaker_of_utterance": "speaker of an utterance",
    },
    "representation": {
        "mfcc": "MFCC",
        "log_mel": "log-mel",
        "random_encoder": "random encoder",
    },
    "probe": {"mlp": "MLP"},
    "context": {"within": "the same"},
}
CODEBOOK = re.compile(r"codebook_(\d+)")
SMOOTHED = "_path"  # ends the id of a system of smoothed units

# In the JSON and on a page only: a console has no room for them.
NOT_ON_CONSOLE = {
    *("nmi", "cluster_purity", "num_frames", "num_unlabeled", "num_excluded", "num_rows"),
    *("num_labels", "num_left_out", "seeds_range", "single_code_share"),
}


def table_words(id: str) -> TableWords:
    """Words of a table; of one that has none, its id as its title."""
    return TABLES.get(id, TableWords(spelled(id)))


def spelled(id: str) -> str:
    """An id with spaces."""
    return id.replace("_", " ")


def heading(column: str, headings: Mapping[str, str] = HEADINGS) -> str:
    """Heading of a column, with the stream of codes where it is of one of several."""
    name, _, stream = column.partition("/")
    words = headings.get(name, HEADINGS.get(name, spelled(name)))
    return f"{words}, {stream}" if stream else words


def cell_words(column: str, value: str) -> str:
    """A cell that holds a text; one of a column of ids in words."""
    id, _, stream = value.partition("/")
    if column in CELLS and stream:
        return f"{cell_words(column, id)}, {stream}"
    if column == "system" and value.endswith(SMOOTHED):
        return f"{cell_words(column, value.removesuffix(SMOOTHED))}, smoothed"
    if column == "system" and (found := CODEBOOK.fullmatch(value)):
        return f"codes of codebook {found[1]}"
    return CELLS[column].get(value, spelled(value)) if column in CELLS else value
