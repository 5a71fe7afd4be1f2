"""What a person sees of a run in a notebook. Importing this loads no widget."""

from daf_nb.notebook.frontend import panel

__all__ = ["panel"]
