"""Panels are checked as plain data, and match the keys that runs log."""

from __future__ import annotations

import pytest
from helpers.dashboard_runs import default_panels

from wavenet_ae.dashboards.panels import (
    Panel,
    bind_panels,
    in_sections,
    missing_keys,
    section_names,
)
from wavenet_ae.errors import UserError

PANEL = {
    "section": "learning",
    "title": "NLL",
    "keys": {"train/nll": "training", "validation/*": "validation, *"},
    "kind": "lines",
    "ylabel": "nats",
}


def panel(**changes) -> Panel:
    return bind_panels({"nll": {**PANEL, **changes}})[0]


def test_the_default_panels_bind_in_order():
    panels = default_panels()
    assert section_names(panels) == [
        *("learning", "latent use", "codebook", "bitrate"),
        *("VAE", "encoder", "optimization", "input"),
    ]
    assert {each.kind for each in panels} == {"lines", "bars", "heatmap"}
    assert all(len(each.keys) <= 6 and all(each.keys.values()) for each in panels)


def test_a_star_stands_for_any_text_and_keys_are_ordered_by_their_numbers():
    logged = ["encoder/layer_10", "encoder/layer_2", "encoder", "train/nll", "x/encoder/layer_1"]
    found = panel(keys={"train/nll": "training", "encoder/*": "of *"}).matches(logged)
    assert list(found.items()) == [
        ("train/nll", "training"),
        ("encoder/layer_2", "of layer 2"),
        ("encoder/layer_10", "of layer 10"),
    ]


def test_a_key_stands_for_each_stream_of_codes_but_not_for_codebooks():
    codes = panel(keys={"codebook/dead_codes": "dead", "bitrate/nominal": "nominal"})
    logged = ["codebook/dead_codes/top", "codebook/dead_codes/codebook_1/top", "bitrate/nominal"]
    logged += ["bitrate/nominal/bottom", "codebook/dead_codes/codebook_2", "codebook/dead_codes_2"]
    assert codes.matches(logged) == {
        "codebook/dead_codes/top": "dead, top",
        "bitrate/nominal": "nominal",
        "bitrate/nominal/bottom": "nominal, bottom",
    }


def test_a_label_that_would_be_empty_is_the_key():
    found = panel(keys={"codebook/usage*": "*"}).matches(["codebook/usage", "codebook/usage/b_1"])
    assert found == {"codebook/usage": "codebook/usage", "codebook/usage/b_1": "b 1"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"titel": "x"}, "panels.nll.titel is not known. Did you mean 'title'?"),
        ({"kind": "line"}, "panels.nll.kind is 'line', but must be one of lines, bars, heatmap"),
        ({"ymin": "low"}, "panels.nll.ymin is 'low', but must be a number or null"),
        ({"keys": {}}, "panels.nll.keys is {}, but must be"),
        ({"keys": ["train/nll"]}, "panels.nll.keys is ['train/nll'], but must be"),
        ({"keys": {"train/nll": None}}, "panels.nll.keys is {'train/nll': None}, but must be"),
        ({"shares": True}, "panels.nll.shares is read by kind=bars only"),
        ({"kind": "heatmap", "log": True}, "panels.nll.log is read by kind=lines only"),
        ({"log": True, "ymin": 0}, "panels.nll.ymin is 0, but must be above 0 on a logarithmic"),
        ({"name": "x"}, "panels.nll.name is not known"),
    ],
)
def test_a_wrong_panel_is_refused(changes, problem):
    with pytest.raises(UserError) as refused:
        panel(**changes)
    assert str(refused.value).startswith(problem) and "\n" not in str(refused.value)


def test_all_problems_are_reported_at_once():
    without_title = {name: value for name, value in PANEL.items() if name != "title"}
    with pytest.raises(UserError) as refused:
        bind_panels({"a": without_title, "b": {**PANEL, "log": "yes"}, "c": 3})
    text = str(refused.value)
    assert text.startswith("3 settings") and "panels.a.title is missing: it must be a text" in text
    assert "panels.b.log is 'yes', but must be true or false" in text
    assert "panels.c is 3, but must be a panel" in text


def test_a_panel_that_is_null_is_left_out():
    assert bind_panels({"nll": None}) == []


def test_sections_are_chosen_by_name():
    panels = default_panels()
    assert {each.section for each in in_sections(panels, ["vae", "input"])} == {"VAE", "input"}
    assert in_sections(panels, []) == panels
    with pytest.raises(UserError, match=r"sections has 'codbook'.*Did you mean 'codebook'\?"):
        in_sections(panels, ["codbook"])


def test_keys_that_nothing_logs_are_found():
    panels = [panel(), panel(keys={"speed/a": "speed", "encoder/*": "*"})]
    assert missing_keys(panels, {"train/nll", "validation/nll", "encoder/1"}) == ["speed/a"]
    assert missing_keys(panels, {"train/nll", "speed/a"}) == ["validation/*", "encoder/*"]
