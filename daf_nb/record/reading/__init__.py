"""Runs read back from their folders: one, or all as a table. Nothing in them is executed."""

from daf_nb.record.reading.listing import list_runs
from daf_nb.record.reading.record import RunRecord, load_run

__all__ = ["RunRecord", "list_runs", "load_run"]
