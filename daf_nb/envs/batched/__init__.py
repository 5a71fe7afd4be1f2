"""Worlds that step thousands of copies as tensors, without leaving their device."""
