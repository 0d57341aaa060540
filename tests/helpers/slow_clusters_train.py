"""train.py whose clustering takes longer than a collective operation of its processes may take."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist

from wavenet_ae.objectives import ClusterTargets

MOST_SECONDS = 40  # of a collective; two processes start up to ten seconds apart
initialize, save = dist.init_process_group, ClusterTargets.save


def impatient(*given: Any, **settings: Any) -> None:
    initialize(*given, **{**settings, "timeout": timedelta(seconds=MOST_SECONDS)})


def slowly(self: ClusterTargets, path: Path) -> None:
    with Path(os.environ["RECORD"]).open("a") as file:
        file.write(f"clustered by {os.environ.get('LOCAL_RANK', '0')}\n")
    time.sleep(MOST_SECONDS + 15)
    save(self, path)


if __name__ == "__main__":
    dist.init_process_group = impatient
    ClusterTargets.save = slowly
    script = Path(__file__).parents[2] / "train.py"
    # Not by runpy, which would have the second process run train.py itself.
    exec(compile(script.read_text(), script, "exec"), {"__name__": "__main__"})
