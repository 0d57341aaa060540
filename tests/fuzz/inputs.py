"""Valid files of every kind that the product reads: what is mutated."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from helpers.configs import TINY, TINY_CODES

from fuzz.sandbox import read_in_child
from wavenet_ae.cli import main
from wavenet_ae.loading import load
from wavenet_ae.runs import RunFolder
from wavenet_ae.sharing.saving import save_pretrained

RATE = 8000
FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "sph": ("NIST", "PCM_16"),
    "voc": ("VOC", "PCM_U8"),
    "caf": ("CAF", "PCM_16"),
}
PHN = "0 800 h#\n800 2400 sh\n2400 4000 iy\n4000 8000 h#\n"
ITEMS = (
    "#file onset offset #phone prev-phone next-phone speaker\n"
    "a 0.10 0.30 sh h# iy s1\na 0.30 0.50 iy sh h# s1\nb 0.10 0.20 ah h# t s2\n"
)
LONG_TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = ""
        intervals [2]:
            xmin = 0.25
            xmax = 0.5
            text = "ah"
        intervals [3]:
            xmin = 0.5
            xmax = 1
            text = "t"
"""
SHORT_TEXTGRID = (
    '"ooTextFile"\n"TextGrid"\n0\n1\n<exists>\n1\n"IntervalTier"\n"phones"\n0\n1\n2\n'
    '0\n0.5\n"ah"\n0.5\n1\n"t"\n'
)
MAPPING = "name: few\nothers: keep\ntable:\n  ax-h: ah\n  q: null\n"


def make_inputs(folder: Path) -> None:
    """Fills a folder: `recordings`, `labels`, `tables`, `run`, `evaluation`, `codes`, `cache`,
    `clusters`, `shared`."""
    make_recordings(folder / "recordings")
    make_labels(folder / "labels")
    make_tables(folder / "tables")
    os.environ["WAVENET_AE_CACHE"] = str(folder / "cache")
    steps = [partial(main, arguments) for arguments in _commands(folder)]
    for step in [*steps, partial(_share, folder)]:
        outcome = read_in_child(step, folder, seconds=300, most_bytes=4 << 30)
        if outcome.fault or outcome.is_refused:
            raise RuntimeError(f"{step.args}: {outcome.fault}\n{outcome.text}")


def _share(folder: Path) -> None:
    save_pretrained(load(folder / "run"), folder / "shared")


def _commands(folder: Path) -> list[list[str]]:
    run = folder / "run"
    best = RunFolder(run).best_checkpoint
    short = ["trainer.max_steps=6", "callbacks.progress=null"]
    return [
        ["train", *TINY, *TINY_CODES, "bottleneck.start_after=1", *short, f"run_folder={run}"],
        ["evaluate", f"checkpoint={best}", f"out={folder / 'evaluation'}", "metrics=[bitrate]"],
        [
            *("generate", "task=encode", f"checkpoint={best}"),
            *(f"input={folder / 'recordings' / 'a.wav'}", f"out={folder / 'codes'}"),
        ],
        [
            *("cluster", "source=mfcc", "num_clusters=8", f"out={folder / 'clusters/targets.npz'}"),
            *(each for each in TINY if each.startswith("data.source.")),
        ],
    ]


def make_recordings(folder: Path) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    sound = np.sin(np.arange(RATE) / 5) * 0.4 + rng.normal(size=RATE) * 0.01
    for name, (kind, subtype) in FORMATS.items():
        soundfile.write(folder / f"a.{name}", sound, RATE, format=kind, subtype=subtype)
    soundfile.write(folder / "stereo.wav", np.stack([sound, sound / 2], 1), 44100)


def make_labels(folder: Path) -> None:
    folder.mkdir()
    for name, text in {
        **{"a.phn": PHN, "a.wrd": PHN, "phones.item": ITEMS, "few.yaml": MAPPING},
        **{"long.TextGrid": LONG_TEXTGRID, "short.TextGrid": SHORT_TEXTGRID},
    }.items():
        (folder / name).write_text(text)
    (folder / "utf16.TextGrid").write_text(LONG_TEXTGRID, encoding="utf-16")


def make_tables(folder: Path) -> None:
    folder.mkdir()
    rows = ["speaker\tpath\tsplit\tchannel", "s1\t../recordings/a.wav\ttrain\t"]
    rows += ["s2\t../recordings/stereo.wav\tvalidation\t1"]
    (folder / "named.tsv").write_text("\n".join(rows) + "\n")
    (folder / "plain.tsv").write_text("s1\t../recordings/a.wav\ns2\t../recordings/a.flac\n")
    (folder / "list.json").write_text(json.dumps({"a": 1}))
