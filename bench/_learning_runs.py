"""One run of the learning benchmark: both stacks train alike, and one evaluator plays them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

COPIES, BATCH = 16, 1024
PPO_KWARGS = {
    "n_steps": 128,
    "n_epochs": 10,
    "learning_rate": 7e-4,
    "gamma": 0.99,
    "ent_coef": 0.01,
}


class Contest(NamedTuple):
    """A world that both stacks learn.

    Attributes:
        world: registry id or module.
        env_kwargs: its arguments.
        deaths: agents die before their episode ends, so SuperSuit needs `black_death_v3`.
        sides: the groups that play against each other, where there are two: (attack, defence).
    """

    world: str
    env_kwargs: dict[str, Any]
    deaths: bool = False
    sides: tuple[str, str] | None = None


CONTESTS = {
    "simple_spread": Contest("mpe2.simple_spread_v3", {"N": 3, "max_cycles": 25}),
    "simple_tag": Contest(
        "mpe2.simple_tag_v3",
        {"num_good": 1, "num_adversaries": 3, "num_obstacles": 2, "max_cycles": 25},
        sides=("adversary", "agent"),
    ),
    "knights_archers_zombies": Contest("butterfly/knights_archers_zombies-v11", {}, deaths=True),
}
STOCK, OURS = "SuperSuit", "daf_nb"


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Trains and plays what a job says; it has an interpreter of its own."""
    contest = CONTESTS[job["world"]]
    if contest.sides is None:
        return alone(job, contest)
    return against(job, contest)


def alone(job: dict[str, Any], contest: Contest) -> dict[str, Any]:
    """One stack's policy, and its return per agent in fresh episodes."""
    began = time.perf_counter()
    policies, trained = _STACKS[job["stack"]](contest, job["steps"], job["seed"])
    seconds = time.perf_counter() - began
    played = _played(job, contest, policies)
    return {
        "trained": trained,
        "seconds": seconds,
        "return": played.mean_reward,
        "random": played.random_mean_reward,
    }


def against(job: dict[str, Any], contest: Contest) -> dict[str, Any]:
    """Both stacks' policies: each one's attack against each one's defence, in equal episodes."""
    assert contest.sides is not None, "asked before"
    attack, defence = contest.sides
    sides: dict[str, Mapping[str, Any]] = {}
    trained: dict[str, int] = {}
    for stack in (STOCK, OURS):
        sides[stack], trained[stack] = _STACKS[stack](contest, job["steps"], job["seed"])
    games = []
    for attackers in sides:
        for defenders in sides:
            pair = {attack: sides[attackers][attack], defence: sides[defenders][defence]}
            means = _played(job, contest, pair).agent_means
            games.append(
                {
                    "attack": attackers,
                    "defence": defenders,
                    "attack_return": _mean_of(means, attack),
                    "defence_return": _mean_of(means, defence),
                }
            )
    return {"trained": trained, "games": games}


def _mean_of(means: Mapping[str, float], group: str) -> float:
    own = [value for agent, value in means.items() if agent.startswith(f"{group}_")]
    return sum(own) / len(own)


def train_stock(contest: Contest, steps: int, seed: int) -> tuple[dict[str, Any], int]:
    """What SuperSuit + SB3 trains for so many live agent-steps: group -> policy; and how many."""
    from _stock import LiveRows, stock_ppo, stock_world
    from _throughput_cases import DEAD, PADDED

    wrappers = (PADDED if contest.sides else ()) + (DEAD if contest.deaths else ())
    env = stock_world(contest.world, contest.env_kwargs, wrappers)
    model = stock_ppo(env, copies=COPIES, seed=seed, batch_size=BATCH, **PPO_KWARGS)
    trained = steps
    if contest.deaths:
        counter = LiveRows(enough=steps)
        model.learn(100 * steps, callback=counter)  # the counter ends it; nothing is scheduled
        trained = counter.live
    else:
        trained = model.learn(steps).num_timesteps
    rows = model.get_env()
    assert rows is not None, "made by stock_ppo"
    rows.close()
    if contest.sides is None:
        return {"all": model.policy}, trained
    spaces = _spaces(contest)
    return {group: narrowed(model.policy, spaces[group]) for group in contest.sides}, trained


def train_daf(contest: Contest, steps: int, seed: int) -> tuple[dict[str, Any], int]:
    """The same for daf_nb."""
    from daf_nb import RlConfig, RlTrainer

    fields: dict[str, Any] = {
        "total_timesteps": steps,
        "num_envs": COPIES,
        "seed": seed,
        "device": "cpu",
        "torch_threads": 1,
        "batch_size": BATCH,
        "algorithm_kwargs": PPO_KWARGS,
    }
    trainer = RlTrainer(RlConfig(**fields), env=contest.world, env_kwargs=contest.env_kwargs)
    trainer.train()
    trainer.close()
    policies = {group: model.policy for group, model in trainer.policies.items()}
    return policies, trainer.progress.step


_STACKS = {STOCK: train_stock, OURS: train_daf}


def narrowed(policy: Any, space: Any) -> Any:
    """The same function of observations without the zeros that SuperSuit pads them with.

    The weights of the first layers that only ever met zeros are left out.

    Args:
        policy: an MlpPolicy, trained on padded observations.
        space: Box [numbers], what is to be observed; the padding comes behind.
    """
    import torch

    padded, own = policy.observation_space.shape[0], space.shape[0]
    if padded == own:
        return policy
    state = policy.state_dict()
    for net in ("policy_net", "value_net"):
        name = f"mlp_extractor.{net}.0.weight"
        state[name] = state[name][:, :own]
    narrow = type(policy)(space, policy.action_space, lambda _: 0.0)
    narrow.load_state_dict(state)
    seen = torch.zeros(8, padded)
    seen[:, :own] = torch.randn(8, own)
    with torch.no_grad():
        whole, part = policy.get_distribution(seen), narrow.get_distribution(seen[:, :own])
    assert torch.allclose(whole.distribution.logits, part.distribution.logits, atol=1e-5)
    return narrow


def _groups(contest: Contest) -> dict[str, list[str]]:
    """Group -> its agents, as both stacks' policies are called here."""
    from _stock import stock_world

    agents = stock_world(contest.world, contest.env_kwargs).possible_agents
    if contest.sides is None:
        return {"all": agents}
    return {side: [a for a in agents if a.startswith(f"{side}_")] for side in contest.sides}


def _spaces(contest: Contest) -> dict[str, Any]:
    """Group -> what its agents observe."""
    from _stock import stock_world

    env = stock_world(contest.world, contest.env_kwargs)
    groups = _groups(contest).items()
    return {group: env.observation_space(members[0]) for group, members in groups}


def _played(job: dict[str, Any], contest: Contest, policies: Mapping[str, Any]) -> Any:
    """Sampled actions in episodes whose seeds neither stack has seen; the same for both."""
    import torch
    from _stock import stock_world

    from daf_nb.envs import Copies
    from daf_nb.learn.course import PlainCourse
    from daf_nb.learn.evaluate import evaluate
    from daf_nb.learn.success import success_rule

    torch.set_num_threads(1)
    world = partial(stock_world, contest.world, contest.env_kwargs)
    groups, seed = _groups(contest), job["seed"]

    def copies_of(num_envs: int) -> Copies:
        return Copies(world, groups=groups, num_envs=num_envs, seed=seed, held_out=True)

    return evaluate(
        policies,
        copies_of,
        course=lambda: PlainCourse(success_rule(None)),
        episodes=job["episodes"],
        seed=seed,
        deterministic=False,
    )
