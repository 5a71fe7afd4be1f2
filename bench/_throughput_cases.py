"""The worlds of the throughput benchmark, and what both stacks train on them with."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, NamedTuple

BATCH = 512

Wrappers = tuple[tuple[str, dict[str, Any]], ...]


class Case(NamedTuple):
    """A world and how it is trained; the same on both sides but for what SuperSuit demands.

    Attributes:
        world: registry id, module, or `module:callable`.
        env_kwargs: its arguments.
        wrappers: SuperSuit's, by name, on both sides and on the raw world.
        deaths: agents die before their episode ends, so SuperSuit needs `black_death_v3`.
        padded: the agents' spaces differ: SuperSuit pads them and trains one policy, daf_nb one
            per kind of agent.
        pixels: the policy is a small convolutional network.
        n_steps: world steps of a rollout.
        epochs: of an update.
        needs: a package that may be missing.
    """

    world: str
    env_kwargs: dict[str, Any]
    wrappers: Wrappers = ()
    deaths: bool = False
    padded: bool = False
    pixels: bool = False
    n_steps: int = 128
    epochs: int = 4
    needs: str | None = None

    @property
    def missing(self) -> str | None:
        """The package that is needed and not installed."""
        return self.needs if self.needs and find_spec(self.needs) is None else None

    @property
    def stock_wrappers(self) -> Wrappers:
        """What SuperSuit's own vector worlds demand besides, innermost first."""
        demanded = (PADDED if self.padded else ()) + (DEAD if self.deaths else ())
        return (*self.wrappers, *demanded)


PADDED: Wrappers = (("pad_observations_v0", {}), ("pad_action_space_v0", {}))
DEAD: Wrappers = (("black_death_v3", {}),)
# As in PettingZoo's tutorial of pistonball, at the resolution that a CPU can train on.
SMALL_IMAGES: Wrappers = (
    ("color_reduction_v0", {"mode": "B"}),
    ("resize_v1", {"x_size": 20, "y_size": 76}),
    ("frame_stack_v1", {"stack_size": 3}),
)
TAG = ("mpe2.simple_tag_v3", {"num_good": 1, "num_adversaries": 3, "num_obstacles": 2})

CASES = {
    "simple_spread": Case("mpe2.simple_spread_v3", {"N": 3}),
    "simple_tag": Case(*TAG, padded=True),
    "simple_tag_padded": Case(*TAG, wrappers=PADDED),
    "knights_archers_zombies": Case("butterfly/knights_archers_zombies-v11", {}, deaths=True),
    "multiwalker": Case("sisl/multiwalker-v9", {}),
    "pursuit": Case("sisl/pursuit-v5", {}),
    "pistonball": Case(
        "butterfly/pistonball-v6", {}, wrappers=SMALL_IMAGES, pixels=True, n_steps=32, epochs=2
    ),
    "mettagrid": Case("_metta:MettaRoom", {"agents": 8}, needs="mettagrid"),
}
DEFAULT = [name for name in CASES if name != "simple_tag_padded"]
"""Padded observations on both sides are for the question whether it is the padding; on request."""


def policy(case: Case) -> tuple[str, dict[str, Any]]:
    """SB3's policy and its arguments."""
    if not case.pixels:
        return "MlpPolicy", {}
    from _small_cnn import SmallCnn

    return "CnnPolicy", {"features_extractor_class": SmallCnn}
