"""A page in a real browser: it opens from disk, plays, sorts, fits and prints."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from helpers.browsing import browser, needs_browser, opened
from helpers.report_pages import HOSTILE, LONG, SORTED, audio_files, likelihood, made
from helpers.small_evaluations import METRICS, evaluated

from wavenet_ae.evaluation.report.page import write_report
from wavenet_ae.runs import RunFolder

pytestmark = needs_browser
PHONE = {"width": 375, "height": 700}
PAPER_PIXELS = 703  # the width that A4 leaves between margins of 12 mm

COLUMN = """number => [...document.querySelectorAll('#part-made tbody tr')]
    .map(row => row.cells[number].textContent)"""
WIDTH = "document.documentElement.scrollWidth"


def of_small_results(folder: Path) -> list[Path]:
    """With hostile names, but for one, and with learning curves of a run."""
    run = folder / "run"
    (run / "checkpoints").mkdir(parents=True)
    RunFolder(run).metrics.write_text(METRICS)
    audio = [audio_files(folder / name, LONG, hz) for name, hz in (("a", 200.0), ("b", 300.0))]
    a = made(folder / "a", likelihood(2.5), audio[0], SORTED, name=HOSTILE, summary=HOSTILE)
    content = json.loads(a.read_text())
    content["model"]["checkpoint"] = str(RunFolder(run).best_checkpoint)
    a.write_text(json.dumps(content))
    table = replace(SORTED, rows=[{HOSTILE: HOSTILE}], id=HOSTILE, keys=[])
    return [a, made(folder / "b", likelihood(3.5), audio[1], table)]


def of_real_models(folder: Path) -> list[Path]:
    files = [evaluated(folder / kind, kind, folder) for kind in ("vqvae", "ae")]
    content = json.loads(files[0].read_text())
    content["tables"].append(asdict(SORTED))
    files[0].write_text(json.dumps(content))
    return files


@pytest.fixture(
    scope="module",
    params=[of_small_results, pytest.param(of_real_models, marks=pytest.mark.slow)],
)
def file(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    write_report(request.param(folder), folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def started():
    with browser() as found:
        yield found


def test_it_opens_and_nothing_in_it_runs_but_its_own_script(started, file):
    with opened(started, file) as page:
        assert page.title() == "Evaluation of 2 models"
        assert page.locator("script").count() == 1 and page.locator("img").count() == 0
        assert page.locator("#plots svg").count() >= 1
        for link in page.locator("nav a").all():
            link.click()  # fails where it leads nowhere
            assert page.evaluate("document.querySelector(':target') !== null")


def test_audio_plays_one_file_at_a_time(started, file):
    with opened(started, file) as page:
        lengths = page.evaluate(
            """Promise.all([...document.querySelectorAll('audio')].map(async audio => {
                while (!(audio.duration > 0)) await new Promise(done => setTimeout(done, 20));
                return audio.duration; }))"""
        )
        assert len(lengths) >= 4 and min(lengths) > 0
        times = page.evaluate(
            """async () => {
                const [first, second] = document.querySelectorAll('audio');
                first.muted = second.muted = first.loop = second.loop = true;
                await first.play();
                while (first.currentTime === 0) await new Promise(done => setTimeout(done, 20));
                await second.play();
                while (second.currentTime === 0) await new Promise(done => setTimeout(done, 20));
                return [first.paused, second.paused]; }"""
        )
        assert times == [True, False]


def test_a_heading_sorts_up_and_down_and_back(started, file):
    with opened(started, file) as page:
        before = page.evaluate(COLUMN, 2)
        heading = page.locator("#part-made th").nth(2)
        heading.locator("button").click()
        assert page.evaluate(COLUMN, 2) == ["-3", "2e-05", "9.5", "12,000", ""]
        assert heading.get_attribute("aria-sort") == "ascending"
        heading.locator("button").press("Enter")
        assert page.evaluate(COLUMN, 2) == ["12,000", "9.5", "2e-05", "-3", ""]
        assert page.evaluate(COLUMN, 1) == ["row 1", "row 4", "row 3", "row 5", "row 2"]
        heading.locator("button").press("Enter")
        assert page.evaluate(COLUMN, 2) == before == ["12,000", "", "2e-05", "9.5", "-3"]
        page.locator("#part-made th").nth(1).locator("button").click()
        assert heading.get_attribute("aria-sort") == "none"


def test_sorting_leaves_equal_rows_in_their_order(started, file):
    with opened(started, file) as page:
        rows = (
            "[...document.querySelectorAll('#part-likelihood tbody tr')].map(row => row.innerText)"
        )
        before = page.evaluate(rows)
        names = page.locator("#part-likelihood th").nth(0).locator("button")
        page.locator("#part-likelihood th").nth(2).locator("button").click()
        assert page.evaluate(rows) != before
        names.click()
        names.click()
        of_models = [each.split("\t")[0] for each in page.evaluate(rows)]
        assert of_models == sorted(of_models, key=of_models.index), "models stand together"
        names.click()
        assert page.evaluate(rows) == before


def test_a_page_fits_the_width_of_a_phone(started, file):
    with opened(started, file, viewport=PHONE) as page:
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate(WIDTH) <= PHONE["width"]
        summary = page.locator(".scroll:has(pre)").first
        assert summary.evaluate("box => box.clientWidth") <= PHONE["width"]
        cut = page.evaluate(
            f"""[...document.querySelectorAll('main *')].filter(each => !each.closest('.scroll')
                && each.getBoundingClientRect().right > {PHONE["width"]}).length"""
        )
        assert cut == 0


def test_it_prints_with_its_details_and_without_players(started, file, tmp_path):
    with opened(started, file) as page:
        page.evaluate(
            """addEventListener('beforeprint', () => {
                window.closed_in_print = document.querySelectorAll('details:not([open])').length;
            })"""
        )
        page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
        assert page.evaluate("window.closed_in_print") == 0
        assert page.locator("details[open]").count() == 0, "closed again"
        assert len(re.findall(rb"/Type /Page\b", (tmp_path / "page.pdf").read_bytes())) >= 2


def test_nothing_is_cut_on_paper(started, file):
    with opened(started, file, viewport={"width": PAPER_PIXELS, "height": 1000}) as page:
        page.emulate_media(media="print")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate(WIDTH) <= PAPER_PIXELS
        assert page.evaluate(
            "[...document.querySelectorAll('.scroll')].every(e => e.scrollWidth <= e.clientWidth)"
        )
        assert not page.locator("audio").first.is_visible()
        assert page.locator(".player figcaption").first.is_visible()


def test_plots_keep_a_white_ground_in_the_dark(started, file):
    with opened(started, file, color_scheme="dark") as page:
        ground = "each => getComputedStyle(each).backgroundColor"
        assert page.locator(".plot .scroll").first.evaluate(ground) == "rgb(255, 255, 255)"
        assert page.locator("body").evaluate(ground) != "rgb(255, 255, 255)"
