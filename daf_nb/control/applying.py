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
        old, value = knob.read(), request.value
        if request.relative:
            value = old if old is None else old * request.factor + request.amount
        knob.write(knob.check(value, clip=True), request.by)
    except Exception as error:
        request.end("refused", message=str(error) or repr(error))
        return None
    request.old, request.new, request.step = old, knob.read(), step
    if request.new == old:
        journal.take_back(request.undoes)
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
    request.end("applied")
    return entry
