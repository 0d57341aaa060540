"""Says in plain words what is wrong with a run, and what to try."""

from wavenet_ae.training.doctor.chart import Chart, Look
from wavenet_ae.training.doctor.diseases import DISEASES, Disease

__all__ = ["DISEASES", "Chart", "Disease", "Look"]
