"""The verbs of daf_nb from a shell: `daf-nb train`, `runs`, `show`, `report`, `doctor`."""

from daf_nb.cli.app import app, main

__all__ = ["app", "main"]
