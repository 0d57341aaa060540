"""What a packed corpus holds, for people."""

from __future__ import annotations

import numpy as np
from rich.table import Table

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.sources import SPLITS


def corpus_table(corpus: PackedCorpus) -> Table:
    """Recordings, speakers and minutes of each split."""
    table = Table("split", title=f"{corpus.folder}, {corpus.sample_rate} Hz")
    for heading in ("recordings", "speakers", "minutes", "shortest s", "longest s"):
        table.add_column(heading, justify="right")
    for split in SPLITS:
        rows = corpus.rows(split)
        if not len(rows):
            continue
        seconds = corpus.length[rows] / corpus.sample_rate
        speakers = len(np.unique(corpus.speaker[rows]))
        spans = (seconds.sum() / 60, seconds.min(), seconds.max())
        table.add_row(split, str(len(rows)), str(speakers), *(f"{each:.1f}" for each in spans))
    return table
