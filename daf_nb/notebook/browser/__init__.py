"""The run browser: all runs in a table, and what can be done with them."""

from daf_nb.notebook.browser.browse import browse

__all__ = ["browse"]
