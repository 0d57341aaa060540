"""Train on synthetic speech for minutes, then judge the codes: `make demo`.

Everything on the command line goes to train.py: `python demo.py bottleneck=vae seed=2`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent


def main(arguments: list[str]) -> None:
    folder = ROOT / "outputs" / "demo" / time.strftime("%Y-%m-%d_%H-%M-%S")
    command = [sys.executable, str(ROOT / "train.py"), f"hydra.run.dir={folder}", *arguments]
    started = time.monotonic()
    finished = subprocess.run(command)
    if finished.returncode:
        sys.exit(finished.returncode)
    judge(folder, time.monotonic() - started)


def judge(folder: Path, seconds: float) -> None:
    """Print what a run on the toy corpus has learned and draw its figures."""
    import torch
    import yaml
    from rich.console import Console

    from wavenet_ae.checkpoint import step_checkpoints
    from wavenet_ae.evaluation.judge_units import judge_units
    from wavenet_ae.evaluation.plots import draw_learning_curve, draw_usage, read_metrics
    from wavenet_ae.instantiate import instantiate
    from wavenet_ae.loading import load

    config = yaml.safe_load((folder / "config.yaml").read_text())
    rate, seed = config["sample_rate"], config["seed"]
    corpus = instantiate(config["data"], sample_rate=rate, seed=seed).open()
    torch.set_num_threads(1)
    judged = judge_units(load(step_checkpoints(folder / "checkpoints")[-1]), corpus)
    draw_learning_curve(folder / "metrics.csv", folder / "learning_curve.png")
    draw_usage(judged.counts, judged.kind, folder / "usage.png")
    metrics = read_metrics(folder / "metrics.csv")
    last = {key: values[-1] for key, (_, values) in metrics.items()}
    console = Console()
    console.print(_table(judged, last))
    console.print(f"trained for {seconds:.0f} s ({int(last_step(metrics))} steps)")
    for name in ("learning_curve.png", "usage.png"):
        console.print(f"drawn: {folder / name}", soft_wrap=True)


def last_step(metrics: dict) -> float:
    return max(steps[-1] for steps, _ in metrics.values())


def _table(judged, last: dict[str, float]):
    from rich.table import Table

    table = Table("figure", "value", title="What the codes of held-out and training speech say")
    units, baseline = judged.units, judged.baseline
    rows = {
        "validation NLL, true codes": f"{last['validation/nll']:.3f} nats/sample",
        "validation NLL, another item's codes": f"{last['validation/nll_other_codes']:.3f}",
        "gain over another item's codes": f"{last['validation/gain_over_other_codes']:.3f}",
        f"units ({judged.kind}): perplexity": f"{units.perplexity:.1f} of {units.num_codes}",
        "PNMI of the units with the phones": f"{units.pnmi:.3f}",
        "PNMI of k-means on MFCC, as many units": f"{baseline.pnmi:.3f}",
        "PNMI of the units in shuffled order": f"{units.pnmi_shuffled:.3f}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


if __name__ == "__main__":
    main(sys.argv[1:])
