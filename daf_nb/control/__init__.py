"""Live values of a run: knobs, the journal of their changes, adaptive rules."""

from daf_nb.control.controls import Controls
from daf_nb.control.journal import Entry
from daf_nb.control.knobs import Knob
from daf_nb.control.requests import Request

__all__ = ["Controls", "Entry", "Knob", "Request"]
