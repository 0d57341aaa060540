"""Where there is no terminal, a line every ten seconds."""

from __future__ import annotations

import logging

from wavenet_ae import progress
from wavenet_ae.progress import ProgressLine

logger = logging.getLogger(__name__)


def test_lines_in_the_log_are_far_between(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    with ProgressLine("packing", 2.0, logger) as line:
        line.at(1.0, "half")
        assert not caplog.messages, "ten seconds have not passed"
        monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
        line.at(2.0, "all")
    assert caplog.messages == ["all"] and caplog.records[0].name == __name__
