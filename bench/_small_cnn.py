"""A convolutional network small enough to train on a CPU in a benchmark, for both stacks."""

from __future__ import annotations

import math

import torch
from gymnasium.spaces import Box
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn


class SmallCnn(BaseFeaturesExtractor):
    """Two strided convolutions and a linear layer, over images with channels first.

    Args:
        observation_space: of the images, [channels, height, width].
        features_dim: how many features come out.
    """

    def __init__(self, observation_space: Box, features_dim: int = 64) -> None:
        super().__init__(observation_space, features_dim)
        channels = observation_space.shape[0]
        self.cnn = nn.Sequential(
            nn.Conv2d(channels, 16, kernel_size=4, stride=4),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
        )
        with torch.no_grad():
            shape = self.cnn(torch.zeros(1, *observation_space.shape)).shape
        self.head = nn.Sequential(nn.Linear(math.prod(shape), features_dim), nn.ReLU())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return self.head(self.cnn(observations))
