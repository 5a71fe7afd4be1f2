"""A plain network forwards and backwards, product by product, into memory that is made once.

At 64 units a layer most of autograd's time goes into building and walking its graph and into
memory for what it keeps; written out, a minibatch is its matrix products and little else.
"""

from __future__ import annotations

import torch
from torch import nn

from daf_nb.learn.plain import PlainNet

__all__ = ["Tower"]

Layer = tuple[nn.Parameter, nn.Parameter]


class Tower:
    """Layers of one network, for minibatches of one size.

    Args:
        layers: (weight, bias) up to the head.
        net: whose they are.
        size: rows of a minibatch.
        gradients: parameter -> where its gradient goes.
        room: memory, made as needed. Towers that share it must be gone through one after the other,
            forwards and backwards: what is small stays in the processor's cache.

    Attributes:
        given: what the head gives, [size, ...], once `forward` was called.
        wanted: the loss's gradient of `given`, [size, ...], to be filled in before `backward`.
    """

    def __init__(
        self,
        layers: tuple[Layer, ...],
        net: PlainNet,
        size: int,
        gradients: dict[nn.Parameter, torch.Tensor],
        room: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]],
    ) -> None:
        self._net = net
        self._weights = [(weight.detach(), bias.detach()) for weight, bias in layers]
        self._across = [weight.t() for weight, _ in self._weights]
        self._slopes = [(gradients[weight], gradients[bias]) for weight, bias in layers]
        pairs = []
        for at, (_, bias) in enumerate(self._weights):
            place = at, len(bias)
            if place not in room:
                room[place] = bias.new_empty((size, len(bias))), bias.new_empty((size, len(bias)))
            pairs.append(room[place])
        self._out, self._flowing = ([pair[i] for pair in pairs] for i in (0, 1))
        self.given, self.wanted = self._out[-1], self._flowing[-1]
        self._turned = [out.t() for out in self._flowing]

    def forward(self, seen: torch.Tensor) -> None:
        """Computes `given` of what was seen, [size, inputs], which must stay until `backward`."""
        self._seen = flowing = seen
        last = len(self._out) - 1
        for at, (out, across) in enumerate(zip(self._out, self._across, strict=True)):
            torch.addmm(self._weights[at][1], flowing, across, out=out)
            flowing = out if at == last else self._activated(out)

    def backward(self) -> None:
        """Writes every layer's gradient, from `wanted`."""
        for at in range(len(self._out) - 1, -1, -1):
            slope, shift = self._slopes[at]
            came = self._out[at - 1] if at else self._seen
            torch.mm(self._turned[at], came, out=slope)
            torch.sum(self._flowing[at], 0, out=shift)
            if at:
                into = self._flowing[at - 1]
                torch.mm(self._flowing[at], self._weights[at][0], out=into)
                _through(self._net, into, came)

    def _activated(self, hidden: torch.Tensor) -> torch.Tensor:
        """The activation function, in place, by torch's own tanh to the last digit.

        The backward pass takes 1 - tanh^2, which magnifies an error near 1: with numpy's tanh, too
        great there by a digit on the whole, saturated units drift away from SB3's.
        """
        return hidden.relu_() if self._net.rectified else hidden.tanh_()


def _through(net: PlainNet, gradient: torch.Tensor, activated: torch.Tensor) -> None:
    """The gradient of what went into the activation function, from what came out of it."""
    if net.rectified:
        torch.ops.aten.threshold_backward.grad_input(gradient, activated, 0, grad_input=gradient)
    else:
        torch.ops.aten.tanh_backward.grad_input(gradient, activated, grad_input=gradient)
