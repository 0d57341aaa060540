"""A page of wrong commands, and what each prints: never a stack trace, always a remedy."""

from __future__ import annotations

import logging
import re
import runpy
import subprocess
import sys

import pytest
from commands import ROOT, environment, run
from configs import TINY

MISTAKES = {
    "misspelt option": (["bottleneck=vqvea"], r"Could not find 'bottleneck/vqvea'[\s\S]*vqvae"),
    "misspelt key": (["trainer.max_step=5"], r"Could not override 'trainer.max_step'"),
    "added key": (
        ["+bottleneck.codebok_size=5"],
        r"bottleneck\.codebok_size is not known\. Did you mean 'codebook_size'\?",
    ),
    "added group": (["+bottlneck=1"], r"bottlneck is not a key.*Did you mean 'bottleneck'\?"),
    "text for a number": (
        ["data.batch_size=many"],
        r"data\.batch_size is 'many', but must be a whole number",
    ),
    "fraction for a whole number": (
        ["trainer.max_steps=2.5"],
        r"trainer\.max_steps is 2\.5, but must be a whole number",
    ),
    "unknown choice": (
        ["objective.code_weighting=sum"],
        r"code_weighting is 'sum', but must be one of sequence, mean, context or null",
    ),
    "foreign target": (
        ["decoder._target_=os.system"],
        r"os\.system.*must lie under wavenet_ae\.",
    ),
    "derived value": (["+decoder.num_speakers=3"], r"decoder\.num_speakers is set by the program"),
    "several at once": (
        ["data.batch_size=x", "seed=y"],
        r"for 2 reasons:[\s\S]*seed is 'y'[\s\S]*data\.batch_size is 'x'",
    ),
    "no folder given": (["data=folder"], r"data\.root is not set: give data\.root=\.\.\."),
    "missing folder": (["data=folder", "data.root=/no/such"], r"/no/such.*no such folder"),
    "missing table": (["data=table", "data.path=/no/such.tsv"], r"/no/such\.tsv"),
    "window that is no multiple of the hop": (
        ["data.window_seconds=0.123"],
        r"data\.window_seconds is 0\.123 \(984 samples at 8000 Hz\).*multiple.*0\.02 s",
    ),
    "impossible upsampling": (
        ["model.upsampling.strides=[7]"],
        r"one code every 160 samples.*change the upsampling strides",
    ),
    "kernel below its stride": (
        ["model.upsampling.kernels=[2]"],
        r"kernel of 2 is shorter than its stride 4",
    ),
    "codebook of one": (["bottleneck.codebook_size=1"], r"codebook_size is 1"),
    "negative sample rate": (["sample_rate=-8000"], r"sample_rate is -8000"),
    "window longer than every recording": (
        ["data.window_seconds=20"],
        r"no full batch.*at least one slice.*smaller data\.window_seconds",
    ),
    "batch larger than an epoch": (["data.batch_size=100000"], r"data\.batch_size is 100000"),
    "resume of nothing": (["resume=/no/run"], r"resume=/no/run: there is no config\.yaml"),
}


@pytest.fixture
def command(cache, monkeypatch, capfd):
    """train.py in this process: a subprocess for each mistake would import torch twenty times."""
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))
    monkeypatch.chdir(ROOT)
    root_logger = logging.getLogger()
    handlers = list(root_logger.handlers)

    def run_here(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
        code, (out, err) = ended.value.code, capfd.readouterr()
        # a text as exit code is what the interpreter prints before it exits with 1
        return (1, out + err + code) if isinstance(code, str) else (int(code or 0), out + err)

    yield run_here
    root_logger.handlers[:] = handlers
    logging.captureWarnings(False)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake(mistake, command, tmp_path):
    arguments, expected = MISTAKES[mistake]
    folder = tmp_path / "run"
    given = [each for each in TINY if each.split("=")[0] not in str(arguments)]
    if arguments[0].startswith("resume"):
        given = []
    elif any(each.startswith("data=") for each in arguments):
        given = [f"hydra.run.dir={folder}"]
    else:
        given += [f"hydra.run.dir={folder}"]
    code, output = command(*arguments, *given)
    assert code == 1, output
    assert re.search(expected, output), output
    assert "Traceback" not in output


def test_a_refused_run_leaves_no_folder(command, tmp_path):
    folder = tmp_path / "run"
    command("data.batch_size=many", f"hydra.run.dir={folder}")
    assert not folder.exists()


def test_folder_without_recordings(command, tmp_path):
    (tmp_path / "empty" / "anna").mkdir(parents=True)
    places = [f"data.root={tmp_path}/empty", f"hydra.run.dir={tmp_path}/run"]
    code, output = command("data=folder", *places)
    assert code == 1 and f"{tmp_path}/empty" in output and "Traceback" not in output


def test_a_mistake_in_a_process_of_its_own(cache, tmp_path):
    code, output = run("train.py", "seed=y", f"hydra.run.dir={tmp_path}/run", cache=cache)
    assert code == 1
    assert output.strip() == (
        "error: The configuration cannot be used: seed is 'y', but must be a whole number"
    )


def test_help_lists_the_choices_without_importing_torch(cache):
    """What is slow to import waits until the arguments are parsed."""
    code = (
        "import runpy, sys; sys.argv = ['train.py', '--help']\n"
        "try: runpy.run_path('train.py', run_name='__main__')\n"
        "finally: print(sorted({'torch', 'pytorch_lightning', 'wandb'} & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(cache),
        capture_output=True,
        text=True,
    )
    assert re.search(r"bottleneck: ae, none, vae, vqvae, vqvae_ema", shown.stdout)
    assert shown.stdout.rstrip().endswith("[]"), "imported before the help was printed"
