"""One request, carried out at a boundary: read, bring into bounds, write, journal."""

from __future__ import annotations

from daf_nb.control.journal import Entry, Journal
from daf_nb.control.knobs import Knob
from daf_nb.control.requests import Request

__all__ = ["carry_out"]


def carry_out(request: Request, knob: Knob, journal: Journal, *, step: int) -> Entry | None:
    """Changes the knob as asked, and ends the request; what the journal says of it, if anything.

    Nothing is raised: what cannot be done is refused.

    Args:
        request: one that is pending.
        knob: which it is about.
        journal: where a change is entered.
        step: live agent-steps so far.
    """
    try:
        old, steady, put_back = knob.read(), knob.steady(), knob.keep()
        _change(request, knob, journal, old)
    except Exception as error:
        request.end("refused", message=str(error) or repr(error))
        return None
    request.old, request.new, request.step = old, knob.read(), step
    if (request.new, knob.steady()) == (old, steady):
        journal.take_back(request.undoes, *request.also_undoes)
        request.end("unchanged")
        return None
    entry = journal.add(
        step,
        request.name,
        old,
        request.new,
        by=request.by,
        because=request.because,
        undoes=request.undoes,
    )
    journal.take_back(*request.also_undoes)
    journal.keep(entry, put_back)
    request.end("applied")
    return entry


def _change(request: Request, knob: Knob, journal: Journal, old: object) -> None:
    if request.undoes is not None:
        # What the run had once is put back as it was, be it a schedule or out of bounds.
        knob.refuse()
        put_back = journal.kept(request.undoes)
        put_back() if put_back is not None else knob.write(request.value, request.by)
        return
    value = request.value
    if request.relative:
        assert isinstance(old, float | int), "the knob refused to be off when it was asked"
        value = old * request.factor + request.amount
    knob.write(knob.check(value, clip=request.relative), request.by)
