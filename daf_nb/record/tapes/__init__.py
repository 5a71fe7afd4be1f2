"""Tapes that a run keeps: which, as files in its folder, and read back as data."""
