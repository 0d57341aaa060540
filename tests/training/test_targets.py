"""What cannot be clustered is refused before any recording is read."""

from __future__ import annotations

from typing import Any

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.training.targets import make_cluster_targets


def test_codes_have_no_mean_that_could_be_removed(tmp_path):
    corpus: Any = None  # is not read
    settings: dict[str, Any] = {"clustered": "codes", "remove_utterance_mean": True}
    with pytest.raises(UserError, match="codes, which are numbers without a mean"):
        make_cluster_targets("mfcc", corpus, tmp_path / "targets.npz", **settings)
