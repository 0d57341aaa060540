"""The site: it builds strictly, offline, and its pages point at what is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from helpers.commands import ROOT

REMOTE = re.compile(
    r"""<(?:script|link|img|source|iframe)[^>]+(?:src|href)=["'](https?://[^"']+)"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    variables = {
        **os.environ,
        "NO_MKDOCS_2_WARNING": "1",
        **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:1"),  # no network
    }
    done = subprocess.run(build, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return folder


def test_the_site_has_every_page(site):
    pages = {each.relative_to(ROOT / "docs") for each in (ROOT / "docs").rglob("*.md")}
    assert all((site / each).with_suffix(".html").is_file() for each in pages)
    assert (site / "gallery" / "train_on_toy.html").is_file()


def test_pages_load_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        links = [each for each in REMOTE.findall(page.read_text()) if "canonical" not in each]
        assert links == [], page


@pytest.mark.parametrize(
    "name",
    [
        "wavenet_ae.loading.load",
        "wavenet_ae.models.WaveformAutoencoder",
        "wavenet_ae.encoders.Encoder",
        "wavenet_ae.bottlenecks.Bottleneck",
        "wavenet_ae.decoders.WaveNet",
        "wavenet_ae.engines.make_engine",
        "wavenet_ae.data.module.SpeechData",
        "wavenet_ae.metrics.units.pnmi",
        "wavenet_ae.geometry.Chain",
    ],
)
def test_the_reference_documents(name, site):
    pages = [each.read_text() for each in (site / "api").glob("*.html")]
    assert any(f'id="{name}"' in page for page in pages)


def test_notebooks_are_shown_with_their_outputs(site):
    page = (site / "gallery" / "encode_and_convert.html").read_text()
    assert "codes a second" in page and "<audio" in page
    assert "\x1b" not in page


@pytest.mark.parametrize(
    "page",
    ["README.md", *sorted(str(each.relative_to(ROOT)) for each in (ROOT / "docs").rglob("*.md"))],
)
def test_links_between_files_lead_somewhere(page):
    """As GitHub shows them, which knows the pages that are files."""
    text = (ROOT / page).read_text()
    made = {"train_on_toy.md", "encode_and_convert.md"}  # from notebooks, by the site only
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not target.startswith("http") and target not in made:
            assert ((ROOT / page).parent / target).exists(), target
