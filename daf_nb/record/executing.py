"""A run's main function, inside Sacred, with every observer that is to hear of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daf_nb.record.beside import Beside
from daf_nb.record.cells.traces import users_trace
from daf_nb.record.document import experiment_info
from daf_nb.record.door import MetricDoor
from daf_nb.record.facts import environment_facts
from daf_nb.record.observer import RunFolder
from daf_nb.record.plain import to_plain
from daf_nb.record.sacred_api import SacredRun
from daf_nb.record.sacred_run import Interrupted, Start, execute
from daf_nb.record.store import RunStore
from daf_nb.record.told import Told

__all__ = ["run_recorded"]


def run_recorded(
    function: Callable[[], Any],
    *,
    told: Told,
    store: RunStore,
    beside: Beside,
    door: MetricDoor,
    before_end: Callable[[], str | None],
    facts_file: str,
    on_run: Callable[[SacredRun], None],
    on_running: Callable[[], None],
) -> Any:
    """Executes a function as a Sacred run, in the calling thread, and returns what it returns.

    Args:
        function: called once.
        told: what the run was told.
        store: the run's folder.
        beside: the observers beside the folder.
        door: opened for metrics before the run starts, and closed when the function ends.
        before_end: called when all metrics are there; what is missing then, or None.
        facts_file: where the facts of machine and versions go.
        on_run: is given Sacred's run before it starts.
        on_running: called once Sacred has started it, the global generators are put back, and the
            record says so.

    Raises:
        BaseException: whatever the function raises.
    """
    run_id = int(store.folder.name)
    facts = environment_facts(root=told.project, ignore=store.folder.parent)
    store.put(facts_file, facts)
    others = beside.open(
        run_id=run_id, name=told.name, folder=store.folder, tags=told.tags, hide=store.hide
    )
    start = Start()
    observer = RunFolder(
        store,
        on_started=start.done,
        on_running=on_running,
        door=door,
        before_end=before_end,
        return_metric=told.return_metric,
    )
    returned: Any = None
    over = False

    def main() -> Any:
        nonlocal returned, over
        try:
            returned = function()
        except Interrupted as stop:
            observer.result = to_plain(stop.result)
            raise
        except BaseException as error:
            observer.fail_trace = users_trace(error)
            raise
        finally:
            over = True
            door.close()  # before Sacred stops the heartbeat, which brings the last metrics
        return to_plain(returned)

    def take(run: SacredRun) -> None:
        observer.run = run
        door.open(run)
        on_run(run)

    execute(
        main,
        start=start,
        observer=observer,
        others=others,
        config=told.spec,
        facts=experiment_info(
            name=told.name, folder=store.folder, project=told.project, facts=facts
        ),
        run_id=run_id,
        on_run=take,
        output=lambda: _printed(store, last=over),
    )
    return returned


def _printed(store: RunStore, *, last: bool) -> str:
    """For the observers; what waits lest a secret be told in pieces waits here too."""
    store.flush(last=last)
    return store.output.text()
