"""Configurations of stages: whose value counts, and what is found before the first stage trains."""

from __future__ import annotations

import hydra
import pytest
import yaml
from helpers.recipes import NAMES, RECIPE, UNIT_STAGES, UNITS
from hydra.core.global_hydra import GlobalHydra

from wavenet_ae.cli.arguments import for_hydra
from wavenet_ae.config import conf_folder
from wavenet_ae.errors import UserError
from wavenet_ae.recipes.compose import compose_recipe, of_stage
from wavenet_ae.recipes.preflight import check_recipe
from wavenet_ae.recipes.recipe import Recipe, differences, read_recipe
from wavenet_ae.search.configs import SweepConfigs


@pytest.fixture
def composed(cache, monkeypatch):
    """A function from a command line to a recipe."""
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))

    def compose(*arguments: str) -> Recipe:
        GlobalHydra.instance().clear()
        with hydra.initialize_config_dir(str(conf_folder()), version_base="1.3"):
            overrides = for_hydra(arguments)
            config = hydra.compose("config", overrides, return_hydra_config=True)
            return compose_recipe(config.hydra, GlobalHydra.instance().config_loader())

    return compose


def test_each_stage_has_its_own_settings_and_those_of_all(composed):
    recipe = composed(*RECIPE, "seed=5")
    assert [*recipe.configs] == list(NAMES)
    teach, name, speak = recipe.configs.values()
    assert teach["bottleneck"]["_target_"].endswith("AE") and teach["optimizer"]["frozen"] == []
    assert name["bottleneck"]["codebook_size"] == 8 and name["optimizer"]["frozen"] == ["encoder"]
    assert [each["seed"] for each in recipe.configs.values()] == [5, 5, 5]
    assert speak["decoder"]["post"] == 12
    assert speak["name"] == "toy" and speak["run_folder"] == "3-speak" and speak["stages"] is None


def test_the_command_line_goes_before_a_stage_and_the_stage_s_own_value_before_both(composed):
    recipe = composed(*RECIPE, "decoder.post=6", "stages.name.decoder.post=7")
    assert [each["decoder"]["post"] for each in recipe.configs.values()] == [6, 7, 6]


def test_a_stage_s_group_is_chosen_on_the_command_line(composed):
    recipe = composed(*RECIPE, "stages.teach.bottleneck=vae", "stages.teach.bottleneck.dim=5")
    bottleneck = recipe.configs["teach"]["bottleneck"]
    assert bottleneck["_target_"].endswith("VAE") and bottleneck["dim"] == 5


def test_a_key_of_the_stage_itself_is_changed_in_the_recipe(composed):
    recipe = composed(*RECIPE, "stages.speak.init_from=teach")
    assert recipe.last.init_from == "teach"


def test_debug_goes_before_what_a_stage_sets(composed):
    stages = "stages={a:{overrides:['trainer.max_steps=900','bottleneck.dim=9']}}"
    (config,) = composed(stages, "debug=smoke").configs.values()
    assert config["trainer"]["max_steps"] == 20 and config["bottleneck"]["dim"] == 9


def test_a_path_of_a_stage_is_quoted_and_kept_absolute(composed, tmp_path):
    recipe = composed(*RECIPE, f"stages.teach.data.cache_dir={tmp_path}/a (1)")
    assert recipe.configs["teach"]["data"]["cache_dir"] == f"{tmp_path}/a (1)"


@pytest.mark.parametrize(
    ("argument", "split"),
    [
        ("stages.a.trainer.max_steps=5", ("a", "trainer.max_steps=5")),
        ("++stages.a.trainer.max_steps=5", ("a", "trainer.max_steps=5")),
        ("+stages.a.x=5", ("a", "+x=5")),
        ("stages.a.init_from=b", None),
        ("stages.a.clusters.num_clusters=5", None),
        ("stages={}", None),
        ("~stages.a", None),
        ("seed=1", None),
    ],
)
def test_arguments_are_divided_into_stage_and_setting(argument, split):
    assert of_stage(argument) == split


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["stages.naem.seed=1"], "there is no stage 'naem'. Did you mean 'name'?"),
        (["stages.name.seeds=1"], r"stage name: (?s:.*)seeds"),
        (["stages.name.clusters.source=mfcc"], "stage name: clusters is set, but its objective"),
        (["stages.name.clusters={source:mfcc}"], "objective has no masked_prediction"),
    ],
)
def test_a_stage_that_cannot_be_composed_is_named(composed, arguments, problem):
    with pytest.raises((UserError, hydra.errors.HydraException), match=problem):
        composed(*RECIPE, *arguments)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["stages.speak.trainer.max_steps=0"], "stage speak: .*trainer.max_steps is 0"),
        (["stages.name.bottleneck.start_after=99"], "stage name: .*start_after is 99"),
        (["stages.name.optimizer.frozen=[encodr]"], "stage name: .*'encodr', which is not a part"),
        (
            ["stages.speak.trainer.devices=2"],
            r"stages\.speak\.trainer\.devices is 2, but 1 in stage",
        ),
        (["stages.name.sample_rate=16000"], "stage name: .*stage teach was trained at 8000 Hz"),
    ],
)
def test_a_mistake_in_a_late_stage_is_found_before_the_first(
    composed, tmp_path, arguments, problem
):
    recipe = composed(*RECIPE, *arguments)
    with pytest.raises(UserError, match=problem):
        check_recipe(recipe, tmp_path)


def test_a_recipe_is_recorded_once_and_read_again(composed, tmp_path):
    recipe = composed(*RECIPE)
    recipe.write(tmp_path)
    assert differences(read_recipe(tmp_path), recipe) == []
    assert read_recipe(tmp_path).configs == recipe.configs
    composed(*RECIPE, "stages.speak.trainer.max_steps=99").write(tmp_path)
    with pytest.raises(UserError, match=r"stages.name.decoder.post: 64 then, 7 now"):
        composed(*RECIPE, "stages.name.decoder.post=7").write(tmp_path)
    with pytest.raises(UserError, match=r"stages.speak.init_from: 'name' then, 'teach' now"):
        composed(*RECIPE, "stages.speak.init_from=teach").write(tmp_path)


@pytest.mark.parametrize("given", [{"a": 1}, ["b"], 7, True])
def test_a_stage_that_has_begun_from_what_is_no_path_is_refused(composed, tmp_path, given):
    recipe = composed(*RECIPE)
    stage = recipe.stage("name")
    file = recipe.run(tmp_path, stage).config
    file.parent.mkdir()
    best = recipe.run(tmp_path, recipe.stage("teach")).best_checkpoint
    best.parent.mkdir(parents=True)
    best.touch()
    file.write_text(yaml.safe_dump({"init_from": given}))
    with pytest.raises(UserError, match=f"{file}: init_from is "):
        recipe.config(tmp_path, stage)


@pytest.mark.parametrize("arguments", [["experiment=speech_units"], UNITS])
def test_the_recipe_for_units_of_speech_passes_its_check(composed, tmp_path, arguments):
    recipe = composed(*arguments)
    check_recipe(recipe, tmp_path)
    assert tuple(recipe.configs) == UNIT_STAGES and recipe.last.init_from == "student"
    config = recipe.config(tmp_path, recipe.stage("student"))
    targets = config["objective"]["masked_prediction"]["targets"]
    assert targets == str(tmp_path / "2-student" / "targets.npz")


def test_the_last_stage_stands_for_a_recipe_in_a_sweep(composed, tmp_path):
    composed(*RECIPE)
    with hydra.initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = hydra.compose("config", [], return_hydra_config=True)
        loader = GlobalHydra.instance().config_loader()
        values = SweepConfigs(loader, config, tmp_path).checked(for_hydra([*RECIPE, "seed=3"]))
    assert values["decoder"]["post"] == 12 and values["seed"] == 3
    assert [*values["stages"]] == list(NAMES)
