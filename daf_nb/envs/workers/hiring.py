"""Workers for copies: who gets which, and that they all begin at once."""

from __future__ import annotations

from dataclasses import replace

from daf_nb.envs.accounts import Accounts
from daf_nb.envs.hosts import Plan, Staff
from daf_nb.envs.layout import Layout
from daf_nb.envs.spaces import agent_spaces
from daf_nb.envs.watch import Watch
from daf_nb.envs.workers.remote import Remote
from daf_nb.envs.workers.room import Plane
from daf_nb.envs.workers.worker import Contract
from daf_nb.envs.worlds import as_parallel, close_world

__all__ = ["hired"]

_LARGE = 1 << 14
"""Bytes of an observation from which choosing actions for all rows twice a step does not pay."""


def hired(plan: Plan, accounts: Accounts, watch: Watch, num_workers: int) -> Staff:
    """The copies of a plan in so many worker processes, each with its share of them.

    Raises:
        ConfigError: the world cannot be sent there.
        BaseException: what the making of a world raised there.
    """
    exact = plan.layout is None
    layout = plan.layout or _looked_up(plan)
    groups = dict(plan.groups or {"all": list(layout.spaces)})
    there = replace(plan, layout=layout, groups=groups)
    plane = Plane(groups, layout, num_envs=plan.num_envs, num_workers=num_workers)
    bounds = [worker * plan.num_envs // num_workers for worker in range(num_workers + 1)]
    hosts: list[tuple[Remote, range]] = []
    try:
        for place in range(num_workers):
            copies = range(bounds[place], bounds[place + 1])
            contract = Contract(there, watch.deadline, exact, copies, place, num_workers)
            hosts.append((Remote(contract, plane, accounts, watch), copies))
        for host, _ in hosts:
            host.ready()
    except BaseException:
        for host, _ in hosts:
            host.close(left=True)
        plane.close()
        raise
    middle = (plan.num_envs + 1) // 2
    halves = [range(middle), range(middle, plan.num_envs)]
    largest = max(block[0, 0].nbytes for block in plane.arrays.observations.values())
    if plan.num_envs == 1 or largest >= _LARGE:
        halves = [range(plan.num_envs)]
    return Staff(layout, plane.arrays, hosts, halves, plane.close)


def _looked_up(plan: Plan) -> Layout:
    """The layout of the plan's world, of which one is made here to look at it."""
    env = as_parallel(plan.factory(), "the factory")
    try:
        return Layout(agent_spaces(env))
    finally:
        close_world(env, "the world that was looked at")
