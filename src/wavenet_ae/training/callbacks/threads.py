"""How many threads a run computes with, adapted to what else the machine does, and on record."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from wavenet_ae.errors import UserError, counted
from wavenet_ae.reading import fields_of, read_json_lines, shown
from wavenet_ae.runs import RunFolder
from wavenet_ae.schema import Positive, StepCount
from wavenet_ae.storage import write_bytes
from wavenet_ae.threads import AdaptiveThreads

logger = logging.getLogger(__name__)

CHANGE = {"step": StepCount, "threads": Positive, "of": Positive}  # a line of the record


class Threads(pl.Callback):
    """Uses fewer threads while other programs keep the cores busy, and writes down how many.

    The sums in matrix products and convolutions are split among the threads, so that their rounding
    depends on how many there are.  Hence `threads.jsonl` in the run folder has a line for each
    change, `{"step": 480, "threads": 1, "of": 2}`: from this optimizer step on, out of so many that
    torch offered.  A resumed run follows the record as far as it goes and then continues to adapt,
    so that steps which are trained again end with the same bits.

    It adapts where one process trains on a CPU.  It is the first of the callbacks, so that it
    measures what the others do before a step but not what they do after it.

    Args:
        run_folder: The run's folder, which holds the record.
    """

    def __init__(self, run_folder: str) -> None:
        self.file = RunFolder(run_folder).threads
        self.is_adapting = self.has_told = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.is_adapting = trainer.world_size == 1 and pl_module.device.type == "cpu"
        if not self.is_adapting:
            return
        self.most = torch.get_num_threads()
        self.adaptive = AdaptiveThreads(self.most)
        self.record = read_record(self.file)
        self.last_step = -1
        if not self._can_follow(trainer.global_step):
            self.record = [line for line in self.record if line["step"] < trainer.global_step]
            self._write_down(trainer.global_step, self.most)
        self.adaptive.start_with(self.record[-1]["threads"])

    def _can_follow(self, step: int) -> bool:
        """Returns whether the record says what to do from `step` on, on a machine like this one."""
        if not self.record or self.record[0]["step"] > step:
            return False
        offered = [line["of"] for line in self.record if line["step"] <= step][-1]
        if offered != self.most:
            logger.warning(
                "this run has computed with %s so far and continues with %d: its metrics "
                "will differ in rounding from those of a run that was never stopped",
                *(counted(offered, "thread"), self.most),
            )
            return False
        # Lines that a run on another machine has left behind this step do not apply to this one.
        self.record = [
            line for line in self.record if line["step"] <= step or line["of"] == self.most
        ]
        return True

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        if not self.is_adapting:
            return
        step = trainer.global_step
        if step != self.last_step:  # never amid the batches whose gradients are added up
            self.last_step = step
            torch.set_num_threads(self._threads_at(step))
        self.adaptive.begin()

    def _threads_at(self, step: int) -> int:
        if step < self.record[-1]["step"]:
            return int([line["threads"] for line in self.record if line["step"] <= step][-1])
        chosen, current = self.adaptive.threads, self.record[-1]["threads"]
        if chosen != current:
            self._write_down(step, chosen)
            self._tell_once(step, current, chosen)
        return chosen

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        if not self.is_adapting:
            return
        is_following = self.last_step < self.record[-1]["step"]
        if not is_following:
            self.adaptive.end()
        if trainer.global_step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            pl_module.log("speed/threads", float(torch.get_num_threads()))

    def _write_down(self, step: int, threads: int) -> None:
        """Writes a step's number of threads to disk before the step is computed."""
        self.record.append({"step": step, "threads": threads, "of": self.most})
        lines = "".join(json.dumps(line) + "\n" for line in self.record)
        write_bytes(self.file, lines.encode())

    def _tell_once(self, step: int, before: int, now: int) -> None:
        if self.has_told or now > before:
            return
        self.has_told = True
        logger.warning(
            "step %d: other programs keep the cores busy: %d threads would wait for each other "
            "most of the time.  The run continues with %d and tries all %d again from time to "
            "time; %s has each change",
            *(step, before, now, self.most, self.file),
        )

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._restore()

    def on_exception(self, *args: Any) -> None:
        """Restores all threads for the next run of a sweep, since Lightning tears down only what
        succeeds.
        """
        self._restore()

    def _restore(self) -> None:
        if self.is_adapting:
            torch.set_num_threads(self.most)


def read_record(file: Path) -> list[dict[str, int]]:
    """Returns the lines of a record, `step`, `threads` and `of`; none where there is no file.

    Raises:
        UserError: a line is not as `Threads` writes it.
    """
    record: list[dict[str, int]] = []
    try:
        for number, entry in read_json_lines(file) if file.is_file() else ():
            where = f"{file}, line {number}"
            change = fields_of(entry, CHANGE, where)
            last = record[-1]["step"] if record else -1
            if change["threads"] > change["of"] or change["step"] <= last:
                raise UserError(
                    f"{where}: {shown(entry)}, where threads must be at most `of`, and the step "
                    f"above {last}"
                )
            record.append(change)
    except UserError as error:
        raise UserError(
            f"{error}.  Remove the file to resume without the record; the result can then differ "
            "in rounding"
        ) from None
    return record
