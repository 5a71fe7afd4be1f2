"""Pursuit by table: a whole cycle at once, in the stock operations' order, hence the same bits.

PettingZoo's pursuit counts its evaders anew for every pursuer in every pursuer's turn, and clips
and crops with numpy calls on single numbers. Here the map is a table of cells (who is next to whom,
where an action leads, how many must surround), and all views are cut from one padded map. Positions
stay in the world's own agents, as rows of one array; the tests compare whole episodes bit by bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from daf_nb.envs.followed import follows

__all__ = ["Pursuers"]

_MOTION = ((-1, 0), (1, 0), (0, 1), (0, -1), (0, 0))
_SIDES = _MOTION[:4]


class Pursuers:
    """One episode of pursuit, from behind its reset.

    Args:
        raw: pursuit's innermost world, just reset; see `fits`.
    """

    def __init__(self, raw: Any) -> None:
        self._raw, self._world = raw, raw.env
        world = self._world
        self._map = _map(world.map_matrix.tobytes(), world.map_matrix.shape)
        self._pursuing, self._evading = _Crew(world.pursuer_layer), _Crew(world.evader_layer)
        self._moved = np.tri(world.n_pursuers, dtype=bool)
        self._inside = slice(world.obs_offset, world.obs_offset + world.x_size)
        self._across = slice(world.obs_offset, world.obs_offset + world.y_size)
        reach = 2 * world.obs_offset
        padded = np.zeros((3, world.x_size + reach, world.y_size + reach), np.float32)
        padded[0] = 1
        padded[:, self._inside, self._across] = np.abs(world.model_state[:3])
        self._seen = padded[:, self._inside, self._across]
        windows = sliding_window_view(padded, (world.obs_range, world.obs_range), axis=(1, 2))
        self._views = windows.transpose(1, 2, 4, 3, 0)

    @staticmethod
    def fits(raw: Any) -> bool:
        """Whether this world, just reset, does nothing but what is followed here."""
        from pettingzoo.sisl.pursuit.utils import controllers
        from pettingzoo.sisl.pursuit.utils.discrete_agent import DiscreteAgent

        world = raw.env
        layers = (world.pursuer_layer, world.evader_layer)
        return (
            raw.render_mode != "human"
            and world.render_mode != "human"
            and follows("pursuit", raw, world, *layers, world.evader_controller)
            and type(world.evader_controller)
            in (controllers.RandomPolicy, controllers.SingleActionPolicy)
            and all(type(agent) is DiscreteAgent for layer in layers for agent in layer.allies)
            and all(layer.nagents > 0 for layer in layers)
            and world.obs_range % 2 == 1
        )

    def cycle(self, actions: Sequence[Any]) -> dict[str, float]:
        """Every pursuer acts in turn, then evaders are caught, then the others move.

        Args:
            actions: one per pursuer, in order.

        Returns:
            agent -> reward, summed over the turns.
        """
        raw, world, its = self._raw, self._world, self._map
        before = self._pursuing.cells(its.width)
        after = its.onward[before, actions]
        rewards = self._counted(before, after)
        self._pursuing.move(its.places[after], its.free[before, actions])
        self._show(1, self._pursuing, after)
        caught = self._catch(after.tolist())
        self._evade()
        rewards[-1] += world.catch_reward * caught
        rewards[-1] += world.urgency_reward
        world.frames += 1
        shared = np.add.reduce(rewards, 1, keepdims=True) / world.num_agents
        rewards = world.local_ratio * rewards + (1 - world.local_ratio) * shared
        world.latest_reward_state = rewards[-1]
        raw.rewards = dict(zip(raw.agents, rewards[-1], strict=True))
        raw.steps += len(after)
        if world.frames >= world.max_cycles:
            raw.truncations = dict.fromkeys(raw.agents, True)
        elif not world.evader_layer.nagents:
            raw.terminations = dict.fromkeys(raw.agents, True)
        return dict(zip(raw.agents, 0 + np.add.reduce(rewards, 0), strict=True))

    def observe(self) -> dict[str, np.ndarray]:
        """Everybody's view, float32 [obs_range, obs_range, 3], from one gathering."""
        views = self._views[self._pursuing.at[:, 0], self._pursuing.at[:, 1]]
        return dict(zip(self._raw.agents, views, strict=False))

    def _counted(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """What each turn earns every pursuer for the evaders beside it: turn, pursuer -> reward.

        In a turn those who have had theirs are at their new places; the evaders have not moved.
        """
        world, its = self._world, self._map
        evaders = np.bincount(self._evading.cells(its.width), minlength=its.size)
        beside = np.add.reduce(evaders[its.beside[np.concatenate((before, after))]], 1)
        earned = world.tag_reward * beside / world.num_agents
        return np.where(self._moved, earned[len(before) :], earned[: len(before)])

    def _catch(self, pursuing: list[int]) -> np.ndarray:
        """Removes the evaders that are caught; returns who of the pursuers took part."""
        world, its = self._world, self._map
        if world.surround:
            held = Counter(side for cell in set(pursuing) for side in its.sides[cell])
            fatal = {cell for cell, number in held.items() if number == its.needed[cell]}
            fatal.update(its.enclosed.difference(held))
        else:
            held = Counter(pursuing)
            fatal = {cell for cell in range(its.size) if held[cell] >= world.n_catch}
        took_part = np.zeros(len(pursuing), bool)
        if not fatal:
            return took_part
        cells = self._evading.cells(its.width).tolist()
        lost = [place for place, cell in enumerate(cells) if cell in fatal]
        if not lost:
            return took_part
        fatal.intersection_update(cells)
        for place, cell in enumerate(pursuing):
            near = its.sides[cell] if world.surround else (cell,)
            took_part[place] = not fatal.isdisjoint(near)
        world.evaders_gone[np.flatnonzero(~world.evaders_gone)[lost]] = True
        for place in reversed(lost):
            world.evader_layer.remove_agent(place)
        self._evading = _Crew(world.evader_layer)
        return took_part

    def _evade(self) -> None:
        evading, its, controller = self._evading, self._map, self._world.evader_controller
        if hasattr(controller, "rng"):  # one call draws what as many calls for one number would
            chosen = controller.rng.integers(controller.n_actions, size=len(evading.at))
        else:
            chosen = np.full(len(evading.at), controller.action)
        cells = evading.cells(its.width)
        onward = its.onward[cells, chosen]
        evading.move(its.places[onward], its.free[cells, chosen])
        self._show(2, evading, onward)

    def _show(self, channel: int, crew: _Crew, cells: np.ndarray) -> None:
        counts = np.bincount(cells, minlength=self._map.size).reshape(self._seen.shape[1:])
        crew.layer.global_state[...] = counts
        self._world.model_state[channel] = counts
        self._seen[channel] = counts


class _Crew:
    """The agents of a layer, each of which holds its row of two arrays."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.at = np.array([agent.current_pos for agent in layer.allies], np.int32).reshape(-1, 2)
        self._last = np.array([agent.last_pos for agent in layer.allies], np.int32).reshape(-1, 2)
        for agent, at, last in zip(layer.allies, self.at, self._last, strict=True):
            agent.current_pos, agent.last_pos = at, last

    def cells(self, width: int) -> np.ndarray:
        return self.at[:, 0] * width + self.at[:, 1]

    def move(self, places: np.ndarray, free: np.ndarray) -> None:
        """Those in whose way nothing is remember where they were."""
        np.copyto(self._last, self.at, where=free[:, None])
        self.at[...] = places


@dataclass(frozen=True)
class _Map:
    """What never changes in a map whose cells are numbered by row.

    Attributes:
        width, size: how many cells a row has, and the map.
        places: cell -> x, y.
        beside: cell -> the four cells beside it; at the border the cell itself.
        sides: the same without the border's: as many as there are.
        onward: cell, action -> cell.
        free: cell, action -> whether nothing is in the way.
        needed: cell -> how many must surround who is there.
        enclosed: cells that need nobody.
    """

    width: int
    size: int
    places: np.ndarray
    beside: np.ndarray
    sides: list[list[int]]
    onward: np.ndarray
    free: np.ndarray
    needed: list[int]
    enclosed: frozenset[int]


@lru_cache(maxsize=32)
def _map(content: bytes, shape: tuple[int, int]) -> _Map:
    walls = np.frombuffer(content, np.int32).reshape(shape) == -1
    height, width = shape
    places = np.indices(shape).reshape(2, -1).T
    beside, sides, onward, free, needed = [], [], [], [], []
    for x, y in places.tolist():
        around = [(x + dx, y + dy) for dx, dy in _MOTION]
        inside = [0 <= u < height and 0 <= v < width for u, v in around]
        clear = [there and not walls[at] for at, there in zip(around, inside, strict=True)]
        cells = [u * width + v for u, v in around]
        beside.append(
            [min(max(u, 0), height - 1) * width + min(max(v, 0), width - 1) for u, v in around[:4]]
        )
        sides.append([cell for cell, there in zip(cells[:4], inside, strict=False) if there])
        onward.append([cell if can else cells[4] for cell, can in zip(cells, clear, strict=True)])
        free.append(clear)
        # As the world counts: walls in row or column 0 are not looked at.
        behind = sum(0 < u < height and 0 < v < width and walls[u, v] for u, v in around[:4])
        needed.append(4 - (x in (0, height - 1)) - (y in (0, width - 1)) - int(behind))
    return _Map(
        width,
        len(places),
        places.astype(np.int32),
        np.array(beside),
        sides,
        np.array(onward),
        np.array(free),
        needed,
        frozenset(cell for cell, number in enumerate(needed) if number == 0),
    )
