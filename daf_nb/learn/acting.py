"""A policy made ready to act in one rollout: its weights are gathered once, for all its steps."""

from __future__ import annotations

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy

from daf_nb.learn.actions import act, choose, draw
from daf_nb.learn.plain import PlainNet, plain_net

__all__ = ["Actor"]


class Actor:
    """Draws noise and chooses actions, until the policy's parameters change.

    A plain network is computed layer by layer without its modules; actor and critic share their
    first product and, as one product of a matrix with blocks of zeros, their last. Any other policy
    is asked itself.

    Args:
        policy: an actor-critic policy of SB3 or sb3-contrib, in evaluation mode.
        rows: how many rows act.
        masked: it acts under masks.
    """

    def __init__(self, policy: ActorCriticPolicy, rows: int, *, masked: bool = False) -> None:
        self._policy, self._rows, self._masked = policy, rows, masked
        net = None if masked else plain_net(policy)
        even = net is not None and len(net.actor) == len(net.critic) > 1
        self._packed = _Packed(net, rows) if net and even else None

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """The noise of one step, of all rows."""
        return draw(self._policy, self._rows, generator, masked=self._masked)

    def __call__(
        self, observations: torch.Tensor, noise: torch.Tensor, masks: np.ndarray | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions, log-probabilities and values, as `act` gives them."""
        if self._packed is None:
            return act(self._policy, observations, noise, masks)
        given, values = self._packed(observations)
        return *choose(given, self._packed.log_std, noise), values


class _Packed:
    """The two towers of a plain network, of equal depth, side by side."""

    def __init__(self, net: PlainNet, rows: int) -> None:
        self.log_std = None if net.log_std is None else net.log_std.detach()
        self._net = net
        pairs = [
            [(weight.detach(), bias.detach()) for weight, bias in layer]
            for layer in zip(net.actor, net.critic, strict=True)
        ]
        self._first = _joined(pairs[0])
        self._middle = [[(w.t().contiguous(), b) for w, b in pair] for pair in pairs[1:-1]]
        (actor, gives), (critic, worth) = pairs[-1]
        self._last = torch.block_diag(actor, critic).t().contiguous(), torch.cat([gives, worth])
        self._make_room(rows)

    def __call__(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the action net gives [rows, ...], and values [rows]."""
        seen = observations.reshape(len(observations), -1).float()
        if len(self._hidden[0]) != len(seen):
            self._make_room(len(seen))
        weight, bias = self._first
        flowing = self._activated(torch.addmm(bias, seen, weight, out=self._hidden[0]))
        for products, out in zip(self._products, self._hidden[1:], strict=True):
            for bias, flowing_in, weight, part in products:
                torch.addmm(bias, flowing_in, weight, out=part)
            flowing = self._activated(out)
        weight, bias = self._last
        both = torch.addmm(bias, flowing, weight)
        return both[:, :-1], both[:, -1]

    def _activated(self, hidden: torch.Tensor) -> torch.Tensor:
        """The activation function, in place.

        numpy's tanh takes a seventh of the time of torch's on a CPU. It differs in the last digit,
        which is good enough to act; to learn, `Tower` needs torch's.
        """
        if self._net.rectified:
            return hidden.relu_()
        if hidden.device.type != "cpu":
            return hidden.tanh_()
        array = hidden.numpy()
        np.tanh(array, out=array)
        return hidden

    def _make_room(self, rows: int) -> None:
        """Where the hidden layers of so many rows go, and what is multiplied into which part."""
        layers = list(zip(self._net.actor, self._net.critic, strict=True))[:-1]
        widths = [[len(bias) for _, bias in pair] for pair in layers]
        like = self._first[0]
        self._hidden = [like.new_empty((rows, sum(pair))) for pair in widths]
        parts = [out.split(w, 1) for out, w in zip(self._hidden, widths, strict=True)]
        self._products = [
            [
                (bias, came, w, goes)
                for (w, bias), came, goes in zip(pair, before, into, strict=True)
            ]
            for pair, before, into in zip(self._middle, parts, parts[1:], strict=False)
        ]


def _joined(pair: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Two layers of one input as one: weight [inputs, outputs], bias [outputs]."""
    weight = torch.cat([weight for weight, _ in pair]).t().contiguous()
    return weight, torch.cat([bias for _, bias in pair])
