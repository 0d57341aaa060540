"""Training data whose place in a run is restored."""

from __future__ import annotations

import pytest

from wavenet_ae.data.module import SpeechData
from wavenet_ae.errors import UserError


def test_a_place_in_other_data_is_refused_by_the_keys_that_set_them(monkeypatch):
    settings = {"corpus fingerprint": "a", "buffer samples": 8, "limit": 0, "seed": 1}
    monkeypatch.setattr(SpeechData, "_order_settings", lambda self: settings)
    data = SpeechData.__new__(SpeechData)
    then = {"corpus fingerprint": "b", "buffer samples": 9, "limit": 3, "seed": 2}
    with pytest.raises(UserError, match=r"init_from=") as refused:
        data.load_state_dict({"order": then})
    for key in ("data.source", "data.buffer_seconds", "data.limit: 3 then, 0 now", "seed: 2 then"):
        assert key in str(refused.value)
