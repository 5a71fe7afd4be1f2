"""What a run is told: refused when it cannot be, and kept without loss when it can."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from daf_nb.config import RlConfig
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


def test_every_field_is_described():
    assert [name for name, field in RlConfig.model_fields.items() if not field.description] == []


def test_unknown_names_are_told_with_those_known():
    told = unknown_name("colour", "gren", ["red", "green"])
    assert told == "unknown colour 'gren'. Did you mean 'green'? Known: green, red."
    assert unknown_name("colour", "x", []) == "unknown colour 'x'. Known: (none)."
