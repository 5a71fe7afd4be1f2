"""What a run is told: refused when it cannot be, and kept without loss when it can."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from daf_nb.config import CurriculumConfig, RlConfig
from daf_nb.errors import ConfigError, unknown_name


def refused(**fields) -> str:
    with pytest.raises(ConfigError) as caught:
        RlConfig(**fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("num_env", "num_envs"),
        ("total_timestep", "total_timesteps"),
        ("seeds", "seed"),
        ("algorithm_kwarg", "algorithm_kwargs"),
        ("torch_thread", "torch_threads"),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest_and_all_known_ones(name, nearest):
    message = refused(**{name: 1})
    assert f"unknown RlConfig field {name!r}. Did you mean {nearest!r}?" in message
    assert all(known in message for known in RlConfig.model_fields)


def test_a_name_like_no_other_gets_no_guess():
    assert "Did you mean" not in refused(xyzzy=1)


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("total_timesteps", 0, "greater than 0"),
        ("total_timesteps", -5, "greater than 0"),
        ("total_timesteps", 10.5, "valid integer"),
        ("num_envs", 0, "greater than or equal to 1"),
        ("num_workers", -1, "greater than or equal to 0"),
        ("seed", -1, "greater than or equal to 0"),
        ("seed", 2**32, "less than or equal to 4294967295"),
        ("batch_size", 1, "greater than or equal to 2"),
        ("algorithm", "PP0", "'PPO', 'A2C' or 'MaskablePPO'"),
        ("share", "some", "'all', 'group' or 'none'"),
        ("evaluation_interval", 0, "greater than 0"),
        ("evaluation_episodes", 0, "greater than or equal to 1"),
        ("checkpoint_interval", -1, "greater than 0"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_can(field, value, allowed):
    message = refused(**{field: value})
    assert f"{field}={value!r}" in message
    assert allowed in message


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_threads_than_one_are_refused(threads):
    assert "torch_threads" in refused(torch_threads=threads)


def test_every_mistake_is_told_at_once():
    message = refused(num_envs=0, total_timesteps=0, colour="red")
    assert all(word in message for word in ("num_envs=0", "total_timesteps=0", "'colour'"))


def test_a_config_goes_to_json_and_back_without_loss():
    config = RlConfig(
        experiment_name="naïve <b>",
        total_timesteps=12_345,
        seed=2**32 - 1,
        torch_threads=2,
        algorithm="MaskablePPO",
        algorithm_kwargs={"n_steps": 64, "learning_rate": 7e-4, "ent_coef": 0.01},
        policy_kwargs={"net_arch": [64, {"pi": [32]}]},
        share="none",
        batch_size=32,
        partial_minibatch=True,
        evaluation_interval=1000,
    )
    again = RlConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert again.algorithm_kwargs["learning_rate"] == 7e-4


def test_a_config_does_not_change():
    config = RlConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 3  # type: ignore[misc] - what the test is about
    assert config.seed is None


def test_defaults_are_not_shared_between_configs():
    one, other = RlConfig(), RlConfig()
    one.algorithm_kwargs["n_steps"] = 7
    assert other.algorithm_kwargs == {}


@pytest.mark.parametrize("config", [RlConfig, CurriculumConfig])
def test_every_field_is_described(config):
    assert [name for name, field in config.model_fields.items() if not field.description] == []


def test_unknown_names_are_told_with_those_known():
    told = unknown_name("colour", "gren", ["red", "green"])
    assert told == "unknown colour 'gren'. Did you mean 'green'? Known: green, red."
    assert unknown_name("colour", "x", []) == "unknown colour 'x'. Known: (none)."


def curriculum_refused(**fields) -> str:
    with pytest.raises(ConfigError) as caught:
        CurriculumConfig(**fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("strategy", 3, "valid string"),
        ("strategy_options", [], "valid dictionary"),
        ("seed", -1, "greater than or equal to 0"),
        ("seed", 2**32, "less than or equal to 4294967295"),
        ("uniform_share", 1.01, "less than or equal to 1"),
        ("uniform_share", float("nan"), "than or equal to"),
        ("max_active_tasks", 0, "greater than or equal to 1"),
        ("window", 1, "greater than or equal to 2"),
        ("mastery", 0.0, "greater than 0"),
        ("mastery", float("nan"), "than or equal to 1"),
        ("stats_update_frequency", 0, "greater than or equal to 1"),
        ("stagnation_window", 19, "greater than or equal to 20"),
        ("stagnation_tolerance", -0.1, "greater than or equal to 0"),
        ("on_failure", "ignore", "'raise', 'reduce_difficulty' or 'rehearse'"),
        ("goal", "difficulty", "'task' or 'parameters'"),
        ("target", "far", "valid tuple"),
    ],
)
def test_a_curriculum_that_cannot_be_is_refused_with_what_can(field, value, allowed):
    message = curriculum_refused(**{field: value})
    assert f"{field}={value!r}" in message
    assert allowed in message


@pytest.mark.parametrize(
    "band", [(0.7, 0.3), (0.5, 0.5), (-0.1, 0.5), (0.5, 1.1), (float("nan"), 1)]
)
def test_a_success_band_is_in_order_within_0_to_1(band):
    assert "0 <= low < high <= 1 is needed" in curriculum_refused(success_band=band)


def test_a_curriculums_tasks_are_dicts_and_its_fields_have_nearest_names():
    assert "tasks.0=1" in curriculum_refused(tasks=[1])
    assert "Did you mean 'max_active_tasks'?" in curriculum_refused(max_active_task=3)


def test_a_run_tells_what_its_curriculum_cannot_be():
    message = refused(curriculum_config={"window": 1, "stratagy": "lessons"})
    assert "curriculum_config=" in message and "window=1: Input" in message
    assert "unknown CurriculumConfig field 'stratagy'. Did you mean 'strategy'?" in message


def test_a_curriculum_goes_to_json_and_back_without_loss_alone_and_in_a_run():
    config = CurriculumConfig(
        name="naïve <b>",
        strategy="lessons",
        strategy_options={"window": 20, "threshold": 0.55},
        tasks=(
            {"name": "a", "difficulty": [0, 1], "config": {"far": [1, 2.5, None]}},
            {"name": "b", "difficulty": 1, "weight": 0.1},
        ),
        seed=2**32 - 1,
        uniform_share=0.0,
        success_band=(0.1 + 0.2, 0.9),
        stagnation_window=20,
        on_failure="rehearse",
        target=("b", "a"),
        goal="parameters",
    )
    assert CurriculumConfig(**json.loads(config.model_dump_json())) == config
    run = RlConfig(curriculum_config=config)
    assert RlConfig.model_validate_json(run.model_dump_json()).curriculum_config == config
