"""Classifiers that read a label off frozen vectors: what they find, the vectors say.

linear  multinomial logistic regression: what is there to be read off without any work.  Fitted by
        L-BFGS, which takes dense and sparse rows and less than a second for 7500 x 128 and 40
        labels; scikit-learn's other solvers are one against the rest, need a Hessian of all
        weights, or pass over the rows many more times
mlp     one hidden layer of 128 rectified units, trained by Adam over 10 passes, more of few rows:
        what is there in any form that such a network finds.  Twice the passes add at most .02

Vectors are standardized by the training rows.  Sparse rows, which are of codes, are scaled to
length 1: standardizing would make the rarest code the loudest.
"""

from __future__ import annotations

import warnings
from math import ceil
from typing import Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler, normalize

from wavenet_ae.metrics.probe_data import Matrix

Kind = Literal["linear", "mlp"]
KINDS: tuple[Kind, ...] = ("linear", "mlp")

MOST_ITERATIONS = 100
HIDDEN = 128
BATCH = 256
LEARNING_RATE = 0.003
NUM_PASSES = 10
LEAST_UPDATES = 300


def predictions(
    kind: Kind, train: Matrix, labels: np.ndarray, test: Matrix, seed: int
) -> np.ndarray:
    """Labels (S,) that a probe trained on rows (R, C) and labels (R,) gives rows (S, C)."""
    if len(np.unique(labels)) == 1:  # nothing to tell apart
        return np.full(test.shape[0], labels[0])
    train, test = _scaled(train, test)
    with warnings.catch_warnings():
        # A probe that stops before its optimum has still found what it has found.
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        return _classifier(kind, len(labels), seed).fit(train, labels).predict(test)


def _classifier(kind: Kind, num_rows: int, seed: int) -> LogisticRegression | MLPClassifier:
    if kind == "linear":
        return LogisticRegression(max_iter=MOST_ITERATIONS)
    batch = min(BATCH, num_rows)
    num_passes = max(NUM_PASSES, ceil(LEAST_UPDATES / ceil(num_rows / batch)))
    return MLPClassifier(
        (HIDDEN,),
        batch_size=batch,
        learning_rate_init=LEARNING_RATE,
        max_iter=num_passes,
        random_state=seed,
    )


def _scaled(train: Matrix, test: Matrix) -> tuple[Matrix, Matrix]:
    if isinstance(train, np.ndarray):
        scaler = StandardScaler().fit(train)
        return scaler.transform(train), scaler.transform(test)
    is_used = np.bincount(train.indices, minlength=train.shape[1]) > 0  # no others can be learned
    return normalize(train[:, is_used]), normalize(test[:, is_used])
