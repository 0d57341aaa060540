"""Words for people, by the ids of evaluations; those of whole tables are in table_words.py.

An id without words here is shown as it is, with spaces for its underscores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

NOTES = {
    "one_window": "With one window of speech there are no other codes to shuffle with.",
    "one_utterance_shuffled": "With one utterance, shuffled codes are from another moment of it.",
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


def spelled(id: str) -> str:
    """Returns an id with spaces."""
    return id.replace("_", " ")


def heading(column: str, headings: Mapping[str, str] = HEADINGS) -> str:
    """Returns the heading of a column, with the stream of codes where it is of one of several."""
    name, _, stream = column.partition("/")
    words = headings.get(name, HEADINGS.get(name, spelled(name)))
    return f"{words}, {stream}" if stream else words


def cell_words(column: str, value: str) -> str:
    """Returns the text of a cell; ids are spelled out in words."""
    id, _, stream = value.partition("/")
    if column in CELLS and stream:
        return f"{cell_words(column, id)}, {stream}"
    if column == "system" and value.endswith(SMOOTHED):
        return f"{cell_words(column, value.removesuffix(SMOOTHED))}, smoothed"
    if column == "system" and (found := CODEBOOK.fullmatch(value)):
        return f"codes of codebook {found[1]}"
    return CELLS[column].get(value, spelled(value)) if column in CELLS else value
