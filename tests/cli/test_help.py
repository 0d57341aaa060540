"""`--help`: examples, options of each group, keys with the comments of conf/; nothing slow."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml
from helpers.commands import environment

from wavenet_ae.cli import COMMANDS
from wavenet_ae.cli.help import HelpPage
from wavenet_ae.config import conf_folder
from wavenet_ae.errors import UserError

# What takes tenths of a second or more to import, and no help needs.
HEAVY = {
    *("torch", "torchaudio", "pytorch_lightning", "lightning_fabric", "torchmetrics", "wandb"),
    *("matplotlib", "numpy", "scipy", "sklearn", "optuna", "rich", "soundfile", "tensorboard"),
    *("vector_quantize_pytorch", "einops", "jinja2"),
}
SCREEN = 24  # lines of a terminal
ALL = HelpPage("config", "Trains.\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_imports_nothing_slow(name, tmp_path):
    code = (
        "import sys\n"
        "from wavenet_ae.cli import main\n"
        f"main([{name!r}, '--help'])\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    *shown, imported = done.stdout.rstrip().split("\n")
    assert imported == "[]"
    first = next(number for number, line in enumerate(shown) if f"wavenet-ae {name}" in line)
    assert first <= 2, "examples come first"
    assert "Hydra" not in done.stdout and "_target_" not in done.stdout
    assert not list(tmp_path.iterdir()), "a help writes nothing"


@pytest.mark.parametrize("name", ["demo", "dashboard"])
def test_the_help_of_what_a_newcomer_runs_fits_a_screen(name, tmp_path):
    command = [sys.executable, "-m", "wavenet_ae", name, "--help"]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True)
    assert 0 < done.stdout.count("\n") < SCREEN


@pytest.mark.parametrize("name", ["compare", "encode", "evaluate", "generate"])
def test_every_key_of_a_command_is_shown_with_its_comment(name):
    page = HelpPage(name, "").render([]).splitlines()
    for line in (conf_folder() / f"{name}.yaml").read_text().split("\nhydra:")[0].splitlines():
        key, _, rest = line.partition(":")
        if key[:1].isalpha() and key != "defaults":
            comment = rest.partition(" # ")[2].strip()
            assert any(each.startswith(f"{key}:") and comment in each for each in page), line


def keys(node: dict, path: str = "") -> list[str]:
    found = []
    for name, value in node.items():
        own = f"{path}.{name}" if path else str(name)
        found += [own, *(keys(value, own) if isinstance(value, dict) else [])]
    return found


def test_the_page_of_training_is_its_configuration():
    page = ALL.render([])
    shown = page[page.index("\nseed: ") :]
    values = yaml.safe_load(shown)
    assert values["trainer"]["max_steps"] == 2000 and values["seed"] == 1
    assert {"bottleneck.codebook_size", "data.splits.validation", "callbacks.doctor.patience"} <= {
        *keys(values)
    }
    assert "start_after: 900 " in shown
    assert "# optimizer steps during which latents pass unquantized" in shown
    assert "bottleneck:                       # VQ-VAE with a codebook of moving averages" in page
    groups = page.split("\n\n")[1]
    assert "  bottleneck             ae fsq" in groups and "[vqvae_ema]" in groups


def test_a_chosen_option_is_what_is_shown():
    page = ALL.render(["bottleneck=vae", "trainer.max_steps=7", "--help"])
    assert "[vae]" in page and "codebook_size" not in page
    assert "  max_steps: 7\n" in page
    assert "contrastive:" in ALL.render(["objective=[reconstruction,contrastive]"])


def test_an_option_of_the_user_is_listed_and_shown(tmp_path):
    own = tmp_path / "bottleneck" / "mine.yaml"
    own.parent.mkdir()
    own.write_text("# Mine.\n_target_: my_units.Mine\nnum_bits: 6  # of each code\n")
    for given in (["--config-dir", str(tmp_path)], [f"--config-dir={tmp_path}"]):
        page = ALL.render([*given, "bottleneck=mine"])
        assert "[mine]" in page
        assert "  num_bits: 6                     # of each code" in page


def test_the_help_of_a_wrong_option_names_it():
    with pytest.raises(UserError, match="vqvea"):
        ALL.render(["bottleneck=vqvea"])
