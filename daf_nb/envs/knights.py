"""Knights, archers and zombies, a cycle at a time: the same moves, with less asking around them.

PettingZoo reads a picture from its file for every arrow, sword and zombie, asks pygame sprite by
sprite who touches whom, and makes an array of each sprite before it stacks them for each view. Here
pictures are read once, rectangles are compared in lists, and all views come from one array.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from daf_nb.envs.followed import follows
from daf_nb.envs.knight_pictures import SOURCE, pictures_kept

__all__ = ["Knights"]

_ATTACK, _NOTHING = 4, 5
_NOBODY = (0.0, 0.0, 0.0, 0.0)


class Knights:
    """One episode of knights, archers and zombies whose views are plain vectors.

    Args:
        raw: the innermost world, just reset; see `fits`.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._constants: Any = import_module(f"{SOURCE}.constants")
        self._new_zombie = import_module(f"{SOURCE}.zombie").Zombie
        self._archers = [name for name in raw.possible_agents if name.startswith("archer")]
        self._knights = [name for name in raw.possible_agents if name.startswith("knight")]

    @staticmethod
    def fits(raw: Any) -> bool:
        """Whether this world, just reset, does nothing but what is followed here."""
        players = import_module(f"{SOURCE}.players")
        return (
            raw.render_mode != "human"
            and raw.obs_type.value == "vector"
            and follows("knights", raw)
            and all(
                type(player) in (players.Archer, players.Knight) and follows("knights", player)
                for player in raw.agent_map.values()
            )
        )

    def cycle(self, actions: Sequence[Any]) -> dict[str, float]:
        """Everybody acts, then weapons and zombies move.

        An agent is paid one turn late, when its own turn comes; the first of them at once.

        Args:
            actions: one per live agent, in order.

        Returns:
            agent -> reward, summed over the turns.
        """
        raw = self._raw
        names = raw.agents
        players = [raw.agent_map[name] for name in names]
        rewards = {name: player.score for name, player in zip(names, players, strict=True)}
        rewards[names[0]] = 0
        with pictures_kept():
            for player, action in zip(players, actions, strict=True):
                player.score = 0
                if self._act(player, int(action)) and raw.line_death:
                    raw._remove_agent(player)
            zombies = self._fight()
            self._let_zombies_move(zombies)
        raw._check_game_over()
        raw.frames += 1
        raw.terminations = dict.fromkeys(names, raw.game_over)
        raw.truncations = dict.fromkeys(names, raw.frames >= raw.max_cycles)
        raw.agent_selection = names[-1]
        living = names[:]
        for name in raw.kill_list:
            living.remove(name)
            raw.terminations[name] = True
            raw.dead_agents.append(name)
        raw.kill_list = []
        raw._agent_selector.reinit(living)
        if living:
            raw.agent_selection = raw._agent_selector.next()
        raw._clear_rewards()
        first = raw.agent_selection
        raw.rewards[first] = raw.agent_map[first].score
        rewards[first] += raw.rewards[first]
        raw._deads_step_first()
        return rewards

    def _act(self, player: Any, action: int) -> bool:
        """`Player.act` and what comes before it; returns whether the player went out of bounds."""
        archer = player.agent_name in self._archers
        if archer and action == _ATTACK and self._raw.num_active_arrows >= self._raw.max_arrows:
            action = _NOTHING
        if player.timeout is not None and (action == _ATTACK or not archer):
            if not player.timeout.increment():
                return False
            player.timeout = None
        rect = player.rect
        if action < 2:
            forth = 1 if action == 0 else -1
            dx, dy = player.direction
            rect.x += forth * round(dx * player.speed)
            rect.y += forth * round(dy * player.speed)
        elif action < _ATTACK:
            turn = -player.ang_rate if action == 2 else player.ang_rate
            player.direction = player.direction.rotate(turn)
            player._update_image()
            rect = player.rect
        elif action == _ATTACK and player.is_alive:
            player.attack()
        x, y = rect.center
        top, bottom = player.y_top_limit, player.y_bot_limit
        rect.center = (
            max(min(x, player.x_right_limit), player.x_left_limit),
            max(min(y, bottom), top),
        )
        return y < top or y > bottom

    def _fight(self) -> list[Any]:
        """Weapons move and take zombies with them; returns the zombies that are left."""
        raw = self._raw
        armed = [player for player in raw.agent_map.values() if player.weapons]
        for player in armed:
            for weapon in player.weapons.sprites():
                weapon.act()
                if not weapon.is_active:
                    player.weapons.remove(weapon)
        zombies = raw.zombie_list.sprites()
        for player in armed:
            for weapon in player.weapons.sprites():
                hits = weapon.rect.collidelistall([zombie.rect for zombie in zombies])
                for hit in hits:
                    zombies[hit].kill()
                    weapon.player.score += 1
                    if player.agent_name in self._archers:
                        player.weapons.remove(weapon)
                if hits:
                    zombies = raw.zombie_list.sprites()
        return zombies

    def _let_zombies_move(self, zombies: list[Any]) -> None:
        raw = self._raw
        rects = [zombie.rect for zombie in zombies]
        for player in raw.player_list.sprites():
            if player.rect.collidelist(rects) != -1:
                raw.do_zombie_turn()
                return
        for zombie, rect in zip(zombies, rects, strict=True):
            wobble = zombie.wobble_interval
            if wobble._current_step + 1 == wobble.step_interval:
                zombie.act()
            else:
                wobble._current_step += 1
                rect.y += self._constants.ZOMBIE_Y_SPEED
        if len(zombies) < raw.max_zombies and raw.zombie_spawn_interval.increment():
            raw.zombie_list.add(self._new_zombie(raw.np_random))

    def observe(self) -> dict[str, np.ndarray]:
        """Agent -> its view, float64 [1 + everything tracked, 5]; all are parts of one array."""
        raw = self._raw
        constants = self._constants
        size = np.array([constants.SCREEN_WIDTH, constants.SCREEN_HEIGHT], float)
        state = self._state()
        state[:, :2] /= size
        here = np.array([_numbers(raw.agent_map[name]) for name in raw.agents])
        here[:, :2] /= size
        alive = state.any(axis=1).astype(float)[:, None]
        views = np.zeros((len(here), 1 + len(state), 5))
        views[:, 0, 1:] = here
        apart = state[:, :2] - here[:, None, :2]
        away = np.sqrt(apart[..., 0] * apart[..., 0] + apart[..., 1] * apart[..., 1]) / np.sqrt(2)
        views[:, 1:, 0] = away
        views[:, 1:, 1:3] = apart
        views[:, 1:, 3:] = state[:, 2:]
        views[:, 1:] *= alive
        return dict(zip(raw.agents, views, strict=True))

    def _state(self) -> np.ndarray:
        """What `get_vector_state` gives, with places in pixels."""
        raw = self._raw
        players, dead = raw.agent_map, raw.dead_agents
        archers = [players[name] for name in self._archers]
        knights = [players[name] for name in self._knights]
        swords = [sword for knight in knights for sword in knight.weapons.sprites()]
        arrows = [arrow for archer in archers for arrow in archer.weapons.sprites()]
        rows = [
            _NOBODY if player.agent_name in dead else _numbers(player)
            for player in archers + knights
        ]
        rows += map(_numbers, swords)
        rows += [_NOBODY] * (raw.num_knights - len(swords))
        rows += map(_numbers, arrows)
        rows += [_NOBODY] * (raw.max_arrows - len(arrows))
        rows += map(_numbers, raw.zombie_list.sprites())
        rows += [_NOBODY] * (raw.num_tracked - len(rows))
        return np.array(rows)


def _numbers(sprite: Any) -> tuple[float, float, float, float]:
    x, y = sprite.rect.topleft
    return (x, y, *sprite.direction)
