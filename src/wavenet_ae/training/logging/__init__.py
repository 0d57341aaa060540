"""Where a run's metrics go: files, TensorBoard and W&B, each behind one interface."""

from wavenet_ae.training.logging.base import (
    Histogram,
    RunLogger,
    log_bars,
    log_histogram,
    log_scalars,
    run_loggers,
)
from wavenet_ae.training.logging.files import CSVLog, HistogramLog
from wavenet_ae.training.logging.tensorboard import TensorBoard
from wavenet_ae.training.logging.wandb import WandB

__all__ = [
    "CSVLog",
    "Histogram",
    "HistogramLog",
    "RunLogger",
    "TensorBoard",
    "WandB",
    "log_bars",
    "log_histogram",
    "log_scalars",
    "run_loggers",
]
