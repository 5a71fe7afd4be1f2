"""Reports: a run, or several, as one file to keep, to send or to print."""

from daf_nb.notebook.report.write import report

__all__ = ["report"]
