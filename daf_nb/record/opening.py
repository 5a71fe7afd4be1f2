"""A record opened to be written: of a new run, or of one that goes on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.errors import RecordError
from daf_nb.record.document import queued_document
from daf_nb.record.files import read_json
from daf_nb.record.folders import claim_folder, project_root, runs_root
from daf_nb.record.plain import to_plain
from daf_nb.record.redact import hider, secrets_in, without_secrets
from daf_nb.record.series import METRICS
from daf_nb.record.source import Source
from daf_nb.record.store import RunStore
from daf_nb.record.told import Told

if TYPE_CHECKING:
    from daf_nb.record.locks import FolderLock

__all__ = ["Opened", "open_again", "open_new"]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A record that is open, its folder locked.

    Attributes:
        id: the run's number.
        folder: where its files are.
        store: writes them.
        told: what the run was told.
        facts_file: where the facts of machine and versions go.
        before: metric values of earlier parts of the run.
    """

    id: int
    folder: Path
    store: RunStore
    told: Told
    facts_file: str = "facts.json"
    before: int = 0


def open_new(
    *,
    spec: Mapping[str, Any],
    name: str,
    runs_dir: Path | str | None,
    tags: Sequence[str],
    source: Source,
    return_metric: str,
    parent: int | None,
    kind: str,
    forked: Mapping[str, Any] | None,
) -> Opened:
    """A new run's, QUEUED; arguments and errors as those of `Recorder`."""
    plain = to_plain(spec)
    told = Told(
        name=str(name),
        tags=[str(tag) for tag in tags],
        spec=without_secrets(plain),
        return_metric=return_metric,
        project=project_root(),
    )
    document = queued_document(
        name=told.name, tags=told.tags, spec=told.spec, source=source, kind=kind, parent=parent
    )
    if forked is not None:
        document["daf_nb"]["forked"] = dict(forked)
    id, folder = claim_folder(runs_root(runs_dir))
    try:
        store = RunStore(folder, document=document, hide=hider(also=secrets_in(plain)))
        store.open(config=told.spec, source=source.text)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)  # half a record can be read by nobody
        if not isinstance(error, OSError):
            raise
        raise RecordError(f"Run {id} cannot be recorded in {folder}: {error}.") from error
    return Opened(id=id, folder=folder, store=store, told=told)


def open_again(
    folder: Path,
    *,
    spec: Mapping[str, Any],
    step: int,
    positions: Mapping[str, int],
    return_metric: str,
    lock: FolderLock | None,
    checkpoint: str | None,
) -> Opened:
    """That of a run which goes on; arguments and errors as those of `Recorder.again`."""
    from daf_nb.record.reopening import PARTS, reopened, take_up

    id = int(folder.name)
    hide = hider(also=secrets_in(to_plain(spec)))
    try:
        config = read_json(folder / "config.json")
        store, part = reopened(
            folder,
            lock=lock or take_up(folder),
            step=step,
            positions=positions,
            checkpoint=checkpoint,
            hide=hide,
        )
    except (OSError, ValueError) as error:
        raise RecordError(f"Run {id} cannot be recorded on: {error}.") from error
    told = Told(
        name=str(store.document.known("name")),
        tags=[str(tag) for tag in store.document.known("tags") or ()],
        spec=config,
        return_metric=return_metric,
        project=project_root(),
    )
    return Opened(
        id=id,
        folder=folder,
        store=store,
        told=told,
        facts_file=f"{PARTS}/{part}/facts.json",
        before=positions[METRICS],
    )
