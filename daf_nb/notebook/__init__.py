"""What a person sees of a run in a notebook. Importing this loads no widget."""

from daf_nb.notebook.frontend import attach, panel

__all__ = ["attach", "panel"]
