"""Threads and device by measurement: timing never decides a result."""

from __future__ import annotations

import pytest
import torch

from daf_nb.errors import ConfigError
from daf_nb.learn.timing import choose_device, choose_threads, torch_threads
from tests import worlds
from tests.learn.helpers import make_trainer, weights

needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")


def big_trainer():
    """Minibatches big enough for more threads to be worth a trial."""
    return make_trainer(
        lambda: worlds.Counting(agents=4),
        num_envs=8,
        algorithm_kwargs={"n_steps": 64},
        batch_size=2048,
        policy_kwargs={"net_arch": [256, 256]},
    )


def test_small_minibatches_stay_on_one_thread():
    assert choose_threads(make_trainer().policies["all"], cores=2) == 1


def test_one_core_has_one_thread():
    assert choose_threads(big_trainer().policies["all"], cores=1) == 1


def test_as_many_threads_are_taken_as_give_the_same_bits_and_less_time():
    """Whichever it is on this machine, a run on it has the parameters of one on one thread."""
    trainer = big_trainer()
    model = trainer.policies["all"]
    before, threads = weights(model), torch.get_num_threads()
    chosen = choose_threads(model, cores=2)
    assert chosen in (1, 2)
    assert torch.get_num_threads() == threads
    assert (weights(model) == before).all()  # the trial was on a copy
    prints = []
    for count in {1, chosen}:
        again = make_trainer(
            lambda: worlds.Counting(agents=4),
            num_envs=8,
            algorithm_kwargs={"n_steps": 64},
            batch_size=2048,
            policy_kwargs={"net_arch": [256, 256]},
            total_timesteps=2048,
            torch_threads=count,
        )
        again.train()
        prints.append(again.fingerprint())
    assert len(set(prints)) == 1


def test_choosing_threads_changes_no_result():
    prints = []
    for threads in ("auto", 1):
        trainer = make_trainer(torch_threads=threads)
        trainer.train()
        prints.append(trainer.fingerprint())
    assert prints[0] == prints[1]


@pytest.mark.parametrize("threads", [1, 2])
def test_training_runs_on_the_threads_asked_for_and_puts_the_setting_back(threads):
    trainer = make_trainer(torch_threads=threads)
    seen = []
    trainer.subscribe(
        lambda event: seen.append(torch.get_num_threads()) if event.kind == "metrics" else None
    )
    with torch_threads(3):
        trainer.train()
        assert torch.get_num_threads() == 3
    assert seen == [threads] * 2


def test_the_setting_is_put_back_behind_an_error():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == before


@needs_no_gpu
def test_auto_is_the_cpu_where_there_is_nothing_else():
    def make(device):
        raise AssertionError("there is nothing to be timed")

    assert choose_device("auto", make) == torch.device("cpu")
    assert make_trainer(device="auto").policies["all"].device == torch.device("cpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_either_device_can_be_chosen_and_trains():
    chosen = make_trainer(device="auto").policies["all"].device.type
    assert chosen in ("cpu", "cuda")
    for device in ("cpu", "cuda"):
        trainer = make_trainer(device=device)
        before = weights(trainer.policies["all"])
        trainer.train()
        assert trainer.policies["all"].device.type == device
        assert (weights(trainer.policies["all"]) != before).any()


@pytest.mark.parametrize("device", ["gpu", "cpu0", "", pytest.param("cuda", marks=needs_no_gpu)])
def test_an_unknown_device_is_refused_with_those_here(device):
    with pytest.raises(ConfigError) as caught:
        make_trainer(device=device)
    assert f"device={device!r}" in str(caught.value)
    assert "Here: auto, cpu" in str(caught.value)
