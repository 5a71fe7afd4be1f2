"""Training on batched worlds: rollouts and their buffers stay on the device."""
