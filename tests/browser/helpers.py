"""What the panel's tests share: the cell that opens one, and the step that it shows."""

from __future__ import annotations

import time

from tests.browser.notebook import Notebook

__all__ = ["HOSTILE", "open_tab", "shown_run", "shown_step", "training", "wait_for_step_after"]


HOSTILE = "<img src=x onerror=alert(1)>"
"""A name that opens a dialog on any page that takes it for HTML."""


def training(*, name: str, n_steps: int = 32, task: str = "") -> str:
    """A cell that trains until it is stopped, and shows the run's panel.

    Args:
        name: what the run is called.
        n_steps: steps of each copy from one boundary to the next.
        task: what the only task of its curriculum is called, whose bound can be moved; empty for
            no curriculum.
    """
    return f"""
import daf_nb as daf
from tests.worlds import Counting
curriculum = None
if {task!r}:
    curriculum = daf.CurriculumManager(daf.CurriculumConfig(strategy="adaptive"))
    curriculum.add_task(
        {task!r}, difficulty=(0.0, 1.0), env_kwargs={{"step_reward": daf.Linear(1.0, 0.0)}}
    )
run = daf.train(
    Counting,
    name={name!r},
    total_timesteps=10**9,
    num_envs=2,
    algorithm_kwargs={{"n_steps": {n_steps}}},
    curriculum=curriculum,
    success=(0.0, 10.0),
)
run.panel()
""".strip()


def shown_step(notebook: Notebook) -> int:
    """The agent-step that the panel shows, once it shows one."""
    return int(notebook.wait_text(r"([\d,]+) of [\d,]+ agent-steps")[1].replace(",", ""))


def shown_run(notebook: Notebook) -> int:
    """The number of the run whose panel is shown."""
    return int(notebook.wait_text(r"\brun (\d+)")[1])


def wait_for_step_after(notebook: Notebook, step: int, *, seconds: float = 60) -> int:
    """Waits until the panel shows a later agent-step than `step`; that one.

    Raises:
        AssertionError: it stands still.
    """
    end = time.monotonic() + seconds
    while (now := shown_step(notebook)) <= step:
        assert time.monotonic() < end, f"the panel stands still at {now}:\n{notebook.text()}"
        notebook.page.wait_for_timeout(50)
    return now


def open_tab(notebook: Notebook, name: str) -> None:
    """Brings a tab of the panel to the front."""
    notebook.control("tab", name).click()
    notebook.control("tab", name).and_(notebook.page.locator("[aria-selected=true]")).wait_for()
