"""Which agents share one policy."""

from __future__ import annotations

from collections.abc import Mapping

from daf_nb.envs.spaces import AgentSpaces, equal_groups, equal_spaces

__all__ = ["group_agents"]


def group_agents(by_agent: Mapping[str, AgentSpaces], share: str) -> dict[str, list[str]]:
    """Groups of agents, each to be trained as one SB3 model.

    Args:
        by_agent: agent -> its spaces, in the world's order.
        share: "all" for one policy, "group" for one per set of equal spaces, "none" for one each.

    Returns:
        Group name -> its agents. One group is called "all"; several take the common beginning of
        their agents' names.

    Raises:
        ConfigError: "all" was asked for, but the spaces differ.
    """
    agents = list(by_agent)
    if share == "all":
        equal_spaces(by_agent, agents)
        return {"all": agents}
    if share == "none":
        return {agent: [agent] for agent in agents}
    sets = equal_groups(by_agent)
    if len(sets) == 1:
        return {"all": agents}
    names = [_common_start(members).rstrip("_-0123456789") for members in sets]
    if len(set(names)) < len(names) or not all(names):
        names = [f"group_{i}" for i in range(len(sets))]
    return dict(zip(names, sets, strict=True))


def _common_start(names: list[str]) -> str:
    first, last = min(names), max(names)
    same = [a == b for a, b in zip(first, last, strict=False)]
    return first[: same.index(False) if False in same else len(same)]
