"""Training data whose place in a run is restored."""

from __future__ import annotations

import pytest

from wavenet_ae.data.module import SpeechData
from wavenet_ae.errors import UserError
from wavenet_ae.types import Position


def test_a_place_in_other_data_is_refused_by_the_keys_that_set_them(monkeypatch):
    settings = {"corpus fingerprint": "a", "buffer samples": 8, "limit": 0, "seed": 1}
    monkeypatch.setattr(SpeechData, "_order_settings", lambda self: settings)
    data = SpeechData.__new__(SpeechData)
    then = {"corpus fingerprint": "b", "buffer samples": 9, "limit": 3, "seed": 2}
    with pytest.raises(UserError, match=r"init_from=") as refused:
        data.load_state_dict({"order": then})
    for key in ("data.source", "data.buffer_seconds", "data.limit: 3 then, 0 now", "seed: 2 then"):
        assert key in str(refused.value)


@pytest.mark.parametrize("now", [1, 4])
def test_a_place_without_groups_of_speakers_is_one_in_single_windows(monkeypatch, now):
    settings = {"seed": 1, "windows_per_speaker": now}
    monkeypatch.setattr(SpeechData, "_order_settings", lambda self: settings)
    data = SpeechData.__new__(SpeechData)
    before = {"order": {"seed": 1}, "position": {"epoch": 2, "batch": 3}}
    if now == 1:
        data.load_state_dict(before)
        assert data.position == Position(2, 3)
    else:
        with pytest.raises(UserError, match=r"data\.windows_per_speaker: 1 then, 4 now"):
            data.load_state_dict(before)
