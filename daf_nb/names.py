"""File names for any text."""

from __future__ import annotations

import hashlib
import re

__all__ = ["safe_name"]


def safe_name(text: str) -> str:
    """A file name for any text: the text where that is harmless, else what may stay and a digest.

    Different texts have different names; case counts.
    """
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", text):
        return text
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", text[:64]).lstrip(".-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{stem}-{digest}" if stem else digest
