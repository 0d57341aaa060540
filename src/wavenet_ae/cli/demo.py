"""Train on synthetic speech for minutes, then evaluate the codes.

wavenet-ae demo
wavenet-ae demo data=folder data.root=recordings
wavenet-ae demo bottleneck=vae seed=2
wavenet-ae demo hydra.run.dir=outputs/my_demo

It downloads nothing.  The run, its plots and its audio samples are in outputs/demo/<time>.
It trains the stages of experiment=demo: codes first, then a decoder for them.  If you choose a
bottleneck or another part of the model, it trains one model with it, codes and decoder together.
GROUP=OPTION and KEY=VALUE go to training: `wavenet-ae train --help` lists them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from hydra.errors import HydraException

from wavenet_ae.cli.arguments import for_hydra
from wavenet_ae.composition import compose, composing, explain
from wavenet_ae.config import check, plain_of_composed
from wavenet_ae.errors import UserError, counted
from wavenet_ae.exits import guarded
from wavenet_ae.recipes.compose import compose_recipe
from wavenet_ae.recipes.preflight import check_recipe
from wavenet_ae.runs import RunFolder
from wavenet_ae.stored import read_config

RUN_FOLDER = "hydra.run.dir="
UNUSED = Path("unused")  # folder of a configuration that is only checked
STAGES = "experiment=demo"
# Groups of which a choice is one model's: no stages are trained then.
PARTS = {"bottleneck", "decoder", "encoder", "experiment", "model", "objective", "target"}


def run(arguments: list[str]) -> None:
    """Trains and evaluates, or prints the usage."""
    if {"-h", "--help"} & set(arguments):
        print(str(__doc__).strip())
        return
    for argument in arguments:
        if argument.startswith("-"):
            raise UserError(
                f"{argument} is not of the form KEY=VALUE: options of `wavenet-ae train` are not "
                "known to the demo"
            )
    folder = Path("outputs") / "demo" / time.strftime("%Y-%m-%d_%H-%M-%S")
    for argument in arguments:
        if argument.startswith(RUN_FOLDER):
            folder = Path(argument.removeprefix(RUN_FOLDER)).expanduser()
    if not any(argument.partition("=")[0] in PARTS for argument in arguments):
        arguments = [STAGES, *arguments]
    for sentence in left_out(composed(arguments)):
        print(sentence, file=sys.stderr)
    started = time.monotonic()
    code = finished(
        [*interpreter(), "-m", "wavenet_ae", "train", f"{RUN_FOLDER}{folder}", *arguments]
    )
    if code:
        sys.exit(code)
    evaluate(folder, time.monotonic() - started)


def composed(arguments: list[str]) -> dict[str, Any]:
    """Returns the configuration that training will compose, checked; its run folder does not
    matter.

    Of a recipe it is that of the last stage, whose codes are evaluated.
    """
    given = for_hydra(arguments)
    try:
        with composing("config", ["name=demo", *given]) as (values, loader):
            if values.stages is not None:
                recipe = compose_recipe(values.hydra, loader)
                check_recipe(recipe, UNUSED)
                return recipe.configs[recipe.last.name]
            config = plain_of_composed(values, UNUSED)
    except HydraException as error:
        raise UserError(explain(error, given, partial(compose, "config"))) from None
    check(config)
    from wavenet_ae.training.preflight import check_sizes  # torch, for which --help is slow

    check_sizes(config)
    return config


def left_out(config: dict[str, Any]) -> Iterator[str]:
    """Sentences on what cannot be evaluated afterwards, known before minutes of training."""
    from wavenet_ae.training.logging.files import log_to

    log_to(None)
    if not any(open_corpus(config).labels):
        yield "No recording has phone labels (a .phn file beside it): the demo leaves PNMI out."
    elif not config["bottleneck"]:
        yield "A model without codes has no units: the demo leaves PNMI out."
    interval, last = config["validate_every_n_steps"], config["trainer"]["max_steps"]
    if 0 < last < interval:
        yield (
            f"validate_every_n_steps is {interval}, but trainer.max_steps is {last}: the demo "
            "leaves validation out."
        )


def open_corpus(config: dict[str, Any]) -> Any:
    from wavenet_ae.data.module import SpeechData
    from wavenet_ae.instantiate import instantiate

    rate, seed = config["sample_rate"], config["seed"]
    return instantiate(config["data"], SpeechData, sample_rate=rate, seed=seed).open()


def interpreter() -> list[str]:
    """Returns Python that imports from the working directory, as `-m` does, if this one does."""
    return [sys.executable, *([] if {"", os.getcwd()} & {*sys.path} else ["-P"])]


def finished(command: list[str]) -> int:
    """Returns the exit code of a command.  Ctrl-C reaches it too: it saves, and is waited for."""
    process = subprocess.Popen(command)
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:
            continue


def evaluate(folder: Path, seconds: float) -> None:
    """Prints the metrics of the run, of a recipe those of its last stage, and its plots' files."""
    import torch
    from rich.console import Console

    from wavenet_ae.evaluation.demo_summary import summarize_run

    torch.set_num_threads(1)  # small matrices: waking threads would take longer than the work
    run = RunFolder(folder).meant
    summary = summarize_run(run.path, open_corpus(read_config(run.config)))
    console = Console(markup=False, emoji=False)
    console.print(summary.table())
    stage = "" if run.path == folder else f" of stage {run.path.name}"
    steps = f"{counted(summary.num_steps, 'step')}{stage}"
    console.print(f"trained for {seconds:.0f} s ({steps})", soft_wrap=True)
    for plot in summary.plots:
        console.print(f"written: {plot}", soft_wrap=True)


def main() -> None:
    """Runs the demo with what the command line sets."""
    guarded(lambda: run(sys.argv[1:]))


if __name__ == "__main__":
    main()
