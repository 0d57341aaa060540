"""Probes: classifiers that predict a label from frozen vectors.

- linear: multinomial logistic regression, which finds what a linear map can read. It is fitted by
  L-BFGS, which accepts dense and sparse rows and takes less than a second for 7500 x 128 and 40
  labels; scikit-learn's other solvers are one against the rest, need a Hessian of all weights, or
  pass over the rows many more times.
- mlp: one hidden layer of 128 ReLU units, trained by Adam for 10 passes, more for few rows, which
  finds nonlinear relations too. Twice as many passes add .02 at most.

Vectors are standardized by the training rows. Sparse rows, which are codes, are scaled to length 1:
standardizing would give the rarest code the largest scale.
"""

from __future__ import annotations

import warnings
from math import ceil
from typing import Any, Literal

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
INTERRUPTED = "Training interrupted by user"  # how the warning of an MLPClassifier begins
NUM_PASSES = 10
LEAST_UPDATES = 300


def predictions(
    kind: Kind, train: Matrix, labels: np.ndarray, test: Matrix, seed: int
) -> np.ndarray:
    """Trains a probe and predicts the labels of test rows.

    Args:
        kind: `linear` or `mlp`.
        train: `(R, C)` training rows.
        labels: `(R,)` their labels.
        test: `(S, C)` test rows.
        seed: Seed of the probe's initial weights.

    Returns:
        `(S,)` predicted labels.

    Raises:
        KeyboardInterrupt: Ctrl-C has interrupted the training.
    """
    if len(np.unique(labels)) == 1:  # a classifier needs two classes
        return np.full(test.shape[0], labels[0])
    train, test = scaled(train, test)
    with warnings.catch_warnings():
        # The accuracy of a probe that stops early is a valid, lower result.
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        # scikit-learn would drop a Ctrl-C, warn, and return a probe that is not trained.
        warnings.filterwarnings("error", message=INTERRUPTED)
        classifier = _classifier(kind, len(labels), seed)
        try:
            classifier.fit(train, labels)
        except UserWarning as warning:
            raise KeyboardInterrupt from warning
    return classifier.predict(test)


def _classifier(kind: Kind, num_rows: int, seed: int) -> LogisticRegression | MLPClassifier:
    if kind == "linear":
        return LogisticRegression(max_iter=MOST_ITERATIONS)
    return MLPClassifier(**mlp_settings(num_rows, seed))


def mlp_settings(num_rows: int, seed: int) -> dict[str, Any]:
    """Returns the arguments of scikit-learn's multilayer perceptrons.

    Args:
        num_rows: Training rows.
        seed: Seed of the initial weights.
    """
    batch = min(BATCH, num_rows)
    num_passes = max(NUM_PASSES, ceil(LEAST_UPDATES / ceil(num_rows / batch)))
    return {
        "hidden_layer_sizes": (HIDDEN,),
        "batch_size": batch,
        "learning_rate_init": LEARNING_RATE,
        "max_iter": num_passes,
        "random_state": seed,
    }


def scaled(train: Matrix, test: Matrix) -> tuple[Matrix, Matrix]:
    """Returns rows `(R, C)` and `(S, C)` on the scale of the training rows, see above."""
    if isinstance(train, np.ndarray):
        scaler = StandardScaler().fit(train)
        return scaler.transform(train), scaler.transform(test)
    # Codes that do not occur in training cannot be learned.
    is_used = np.bincount(train.indices, minlength=train.shape[1]) > 0
    return normalize(train[:, is_used]), normalize(test[:, is_used])
