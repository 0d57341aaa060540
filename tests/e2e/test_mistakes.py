"""A page of wrong commands, and what each prints: what to change, and never a stack trace."""

from __future__ import annotations

import logging
import re
import runpy
import subprocess
import sys

import pytest
import torch
from helpers.commands import ROOT, environment, run_interpreter, start
from helpers.configs import TINY, TINY_CODES

MISTAKES = {
    "misspelt option": (
        ["bottleneck=vqvea"],
        r"^error: bottleneck is 'vqvea', which is not an option\. Did you mean 'vqvae'\? "
        r"There are: ae, fsq, .*, vqvae_ema\.$",
    ),
    "misspelt key": (
        ["trainer.max_step=5"],
        r"^error: trainer\.max_step is not a key of trainer\. Did you mean 'max_steps'\? "
        r"There are: accelerator, .*\.$",
    ),
    "misspelt group": (
        ["bottlneck=vae"],
        r"^error: bottlneck is not a key of the configuration\. Did you mean 'bottleneck'\?",
    ),
    "key of a misspelt group": (
        ["trainr.max_steps=5"],
        r"^error: trainr is not a key of the configuration\. Did you mean 'trainer'\?",
    ),
    "misspelt key below a key": (["data.splits.vali=0.2"], r"vali is not a key of data\.splits\."),
    "misspelt key that is removed": (["~callbacks.docter"], r"Did you mean 'doctor'\?"),
    "key below a value": (["seed.x=5"], r"seed\.x: seed is 1, which has no keys"),
    "key that has no value yet": (
        ["trainer.profiler=simple"],
        r"^error: trainer\.profiler has no value .* with a plus, \+trainer\.profiler=\.\.\.$",
    ),
    "added twice": (["+seed=3"], r"^error: seed is in the configuration already: set it without"),
    "values without -m": (["bottleneck.dim=1,2"], r"several values: 'bottleneck\.dim=\[1,2\]' is"),
    "misspelt option of the command": (
        ["--mulitrun"],
        r"^error: there is no option --mulitrun\. Did you mean '--multirun'\?$",
    ),
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
        ["objective.bottleneck.code_weighting=sum"],
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
    "no folder given": (["data=folder"], r"data\.root is not set: set data\.root=\.\.\."),
    "missing folder": (["data=folder", "data.root=/no/such"], r"/no/such.*no such folder"),
    "missing corpus": (
        ["data=librispeech", "data.root=/no/such"],
        r"no folder /no/such/LibriSpeech/train-clean-100.*download=true",
    ),
    "unknown subset": (
        ["data=librispeech", "data.root=/no/such", "data.source.subsets=[train-clean-10]"],
        r"Did you mean 'train-clean-100'",
    ),
    "missing table": (["data=table", "data.path=/no/such.tsv"], r"/no/such\.tsv"),
    "window that is no multiple of the hop": (
        ["data.window_seconds=0.13"],
        r"data\.window_seconds is 0\.13, .*multiple.*0\.02 s",
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
    "resume of nothing": (["resume=/no/run"], r"resume=/no/run: there is no such folder"),
    "resume that is not the first argument": (
        ["trainer.max_steps=5", "resume=/no/run"],
        r"resume=/no/run: there is no such folder",
    ),
    "nothing logged": (
        ["trainer.log_every_n_steps=0"],
        r"trainer\.log_every_n_steps is 0, but must be a whole number of at least 1",
    ),
    "no progress": (
        ["callbacks.progress.every_n_steps=0"],
        r"callbacks\.progress\.every_n_steps is 0, but must be a whole number of at least 1",
    ),
    "validation at no step": (["validate_every_n_steps=0"], r"validate_every_n_steps is 0"),
    "half-life of no time": (["optimizer.half_life_steps=0"], r"optimizer\.half_life_steps is 0"),
    "negative overfit": (["data.overfit=-1"], r"data\.overfit is -1.*at least 0"),
    "negative limit": (["data.limit=-1"], r"data\.limit is -1.*at least 0"),
    "negative warm-up": (["optimizer.warmup_steps=-5"], r"optimizer\.warmup_steps is -5"),
    "negative annealing": (
        ["objective.bottleneck.kl_anneal_steps=-1"],
        r"objective\.bottleneck\.kl_anneal_steps is -1",
    ),
    "probability above 1": (
        ["model.jitter_probability=7"],
        r"model\.jitter_probability is 7, but must be a number of at least 0 and of at most 1",
    ),
    "learning rate that is no number": (
        ["optimizer.learning_rate=nan"],
        r"optimizer\.learning_rate is nan, but must be a number of at least 0",
    ),
    "negative learning rate": (["optimizer.learning_rate=-1"], r"optimizer\.learning_rate is -1"),
    "no batch accumulated": (
        ["trainer.accumulate_grad_batches=0"],
        r"trainer\.accumulate_grad_batches is 0",
    ),
    "no step": (["trainer.max_steps=0"], r"trainer\.max_steps is 0.*of at least 1 or -1"),
    "no sample": (["sample_rate=0"], r"sample_rate is 0, but must be a whole number of at least 1"),
    "rate below any speech": (["sample_rate=10"], r"The model cannot be built"),
    "empty batch": (["data.batch_size=0"], r"data\.batch_size is 0"),
    "fraction above 1": (
        ["data.buffer_fraction=2"],
        r"data\.buffer_fraction is 2, but must be a number above 0 and of at most 1",
    ),
    "batch that is no whole number of groups": (
        ["data.windows_per_speaker=3"],
        r"data\.windows_per_speaker is 3, but data\.batch_size, 4, must be a multiple of it",
    ),
    "all held out": (["data.splits.validation=1"], r"data\.splits\.validation is 1.*below 1"),
    "precision that is not tested": (
        ["trainer.precision=16-mixed"],
        r"must be one of 32-true, bf16-mixed, 64-true \(the precisions in which training",
    ),
    "no device": (["trainer.devices=0"], r"trainer\.devices is 0.*at least 1"),
    "device that is not there": (
        ["trainer.devices=[]"],
        r"trainer\.\* cannot be used here \(.*trainer\.devices=\[\]",
    ),
    "unknown accelerator": (
        ["trainer.accelerator=banana"],
        r"trainer\.\* cannot be used here \(trainer\.accelerator=banana.*banana",
    ),
    "unknown strategy": (["+trainer.strategy=banana"], r"trainer\.\* cannot be used.*banana"),
    "folder without data=folder": (
        ["+data.root=/my/recordings"],
        r"data\.root is read by data=folder",
    ),
    "shortcut that is wider than the stack": (
        ["encoder.kernels=[1]", "encoder.strides=[2]"],
        r"encoder\.shortcut reads 3 frames per code, but the stack only 1: raise",
    ),
    "module for a class": (
        ["encoder._target_=wavenet_ae.encoders"],
        r"encoder\._target_ is 'wavenet_ae\.encoders', which (is not a class|cannot be found)",
    ),
    "codebook that starts too late": (
        ["bottleneck.start_after=24"],
        r"bottleneck\.start_after is 24, but trainer\.max_steps is 24",
    ),
    "codebook that never starts": (
        ["callbacks.codebook_init=null"],
        r"callbacks\.codebook_init is null, but bottleneck\.init is kmeans",
    ),
    "several run folders": (
        ["run_folder=[new]"],
        r"run_folder is \[new\], a list",
    ),
    "no convolution": (["encoder.kernels=[]", "encoder.strides=[]"], r"encoder\.kernels is empty"),
}


@pytest.fixture
def command(cache, monkeypatch, capfd):
    """train.py in this process: a subprocess for each mistake would import torch twenty times."""
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))
    monkeypatch.chdir(ROOT)
    names = (None, "pytorch_lightning", "lightning_fabric")
    loggers = [logging.getLogger(name) for name in names]
    levels, handlers = [each.level for each in loggers], list(loggers[0].handlers)

    def run_here(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
        code, (out, err) = ended.value.code, capfd.readouterr()
        # a text as exit code is what the interpreter prints before it exits with 1
        return (1, out + err + code) if isinstance(code, str) else (int(code or 0), out + err)

    yield run_here
    loggers[0].handlers[:] = handlers
    for each, level in zip(loggers, levels, strict=True):
        each.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_training_with_one_clear_error(mistake, command, tmp_path):
    arguments, expected = MISTAKES[mistake]
    folder = tmp_path / "run"
    tiny = [*TINY, *TINY_CODES]
    given = [each for each in tiny if each.split("=")[0] not in str(arguments)]
    if any(each.startswith("resume=") for each in arguments):
        given = []
    elif any(each.startswith("data=") for each in arguments):
        given = [f"hydra.run.dir={folder}"]
    else:
        given += [f"hydra.run.dir={folder}"]
    code, output = command(*arguments, *given)
    assert code == 1, output
    assert re.search(expected, output, re.MULTILINE), output
    assert not re.search(r"Traceback|struct|To append|HYDRA_FULL_ERROR", output)


def test_a_name_that_is_too_long_for_a_folder(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, output = command(f"name={'x' * 300}", *TINY, *TINY_CODES)
    assert code == 1 and "Traceback" not in output and "HYDRA_FULL_ERROR" not in output
    reason = r"cannot be made: File name too long: set name or run_folder to another one"
    assert re.search(rf"error: outputs/x{{300}}/\S+, the folder of the run, {reason}", output)


@pytest.mark.skipif(torch.cuda.is_available(), reason="the mistake is to have no GPU")
def test_trainer_without_its_gpu(command, tmp_path):
    tiny = [each for each in TINY if "accelerator" not in each]
    place = f"hydra.run.dir={tmp_path}/run"
    code, output = command("trainer=gpu", *tiny, *TINY_CODES, place)
    assert code == 1 and "Traceback" not in output
    assert re.search(r"trainer\.\* cannot be used here \(trainer\.accelerator=gpu", output), output


def test_loggers_that_were_there_go_on(command, tmp_path):
    before = logging.getLogger("wavenet_ae.data.packing")
    command("seed=y", f"hydra.run.dir={tmp_path}/run")
    assert not before.disabled


def test_a_refused_run_leaves_no_folder(command, tmp_path):
    folder = tmp_path / "run"
    command("data.batch_size=many", f"hydra.run.dir={folder}")
    assert not folder.exists()


def test_folder_without_recordings(command, tmp_path):
    (tmp_path / "empty" / "anna").mkdir(parents=True)
    places = [f"data.root={tmp_path}/empty", f"hydra.run.dir={tmp_path}/run"]
    code, output = command("data=folder", *places)
    assert code == 1 and f"{tmp_path}/empty" in output and "Traceback" not in output


def test_a_run_without_recordings_is_not_the_latest(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, output = command("data=folder", "data.root=nowhere")
    assert code == 1 and "no such folder" in output, output
    assert list(tmp_path.glob("outputs/folder/*/train.log")), "its folder says why"
    assert not (tmp_path / "outputs" / "latest").is_symlink()


def test_a_mistake_in_a_process_of_its_own(cache, tmp_path):
    code, output = run_interpreter(
        "train.py", "seed=y", f"hydra.run.dir={tmp_path}/run", cache=cache
    )
    assert code == 1
    assert output.strip() == (
        "error: The configuration cannot be used: seed is 'y', but must be a whole number "
        "of at least 0"
    )


@pytest.mark.parametrize("place", [[], ["run_folder=x"]])
def test_a_run_in_a_folder_named_by_the_time_says_nothing_before_it_begins(place, cache, tmp_path):
    """Hydra would turn an error while it makes the folder into a warning of its own words."""
    process = start("train.py", "data.batch_size=0", *place, cache=cache, folder=tmp_path)
    output, _ = process.communicate(timeout=300)
    assert output.strip() == (
        "error: The configuration cannot be used: data.batch_size is 0, but must be a whole number "
        "of at least 1"
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
    assert re.search(
        r"bottleneck +ae fsq identity lfq random_projection rfsq rvq simvq vae vqvae "
        r"\[vqvae_ema\]",
        shown.stdout,
    )
    assert shown.stdout.rstrip().endswith("[]"), "imported before the help was printed"
