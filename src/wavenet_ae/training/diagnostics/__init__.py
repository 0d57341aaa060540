"""Names what is wrong with a run, and what to try."""

from wavenet_ae.training.diagnostics.failure_mode import FailureMode
from wavenet_ae.training.diagnostics.failure_modes import FAILURE_MODES
from wavenet_ae.training.diagnostics.history import History, Snapshot

__all__ = ["FAILURE_MODES", "FailureMode", "History", "Snapshot"]
