"""Pictures as compressed bytes, as they are kept and as a page draws them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["decoded", "encoded", "picture"]

_LOSSLESS = 2**18
"""Bytes up to which a picture is kept as PNG; larger ones are JPEG."""
_LONGEST = 1600
"""Pixels along a side; of larger pictures every second, third, ... is left out."""


def picture(frame: Any) -> np.ndarray:
    """What a world drew, as uint8 [height, width, 3].

    Args:
        frame: [height, width, channels] of 1, 3 or 4 channels; floats are in [0, 1].
    """
    pixels = np.asarray(frame)
    if pixels.dtype.kind == "f":
        pixels = np.clip(pixels * 255, 0, 255)
    every = -(-max(pixels.shape[:2]) // _LONGEST)
    pixels = pixels[::every, ::every, :3].astype(np.uint8)
    if pixels.shape[2] < 3:
        pixels = np.repeat(pixels[:, :, :1], 3, axis=2)
    return np.ascontiguousarray(pixels)


def encoded(pixels: np.ndarray) -> bytes:
    """A picture, uint8 [height, width, 3], as PNG, or as JPEG where that would be large."""
    import imageio.v3 as iio

    content = iio.imwrite("<bytes>", pixels, extension=".png")
    if len(content) > _LOSSLESS:
        content = iio.imwrite("<bytes>", pixels, extension=".jpg", quality=90)
    return content


def decoded(content: bytes) -> np.ndarray:
    """What `encoded` was given, but for what JPEG loses; uint8 [height, width, 3]."""
    import imageio.v3 as iio

    return iio.imread(content)
