"""Says in plain words what is wrong with a run, and what to try."""

from wavenet_ae.training.diagnostics.failure_modes import DISEASES, Disease
from wavenet_ae.training.diagnostics.history import Chart, Look

__all__ = ["DISEASES", "Chart", "Disease", "Look"]
