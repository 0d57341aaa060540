"""What messages are made of."""

from __future__ import annotations

import pytest

from wavenet_ae.errors import counted


@pytest.mark.parametrize(
    "given, text",
    [
        ((0, "recording"), "0 recordings"),
        ((1, "recording"), "1 recording"),
        ((2, "recording"), "2 recordings"),
        ((2, "entry", "entries"), "2 entries"),
    ],
)
def test_a_noun_has_a_plural_unless_it_is_counted_once(given, text):
    assert counted(*given) == text
