"""A film in words: what was played, how it ended, and what is to be known of it."""

from __future__ import annotations

from daf_nb.notebook.replay.film import Film
from daf_nb.notebook.state import figure, one_line

__all__ = ["caption", "describe", "facts"]

_NAMED = 8
"""Agents that are told one by one."""


def facts(film: Film) -> str:
    """Task, seed, length and return, as far as they are known."""
    numbers = film.numbers
    if numbers is None:
        return "" if film.error else "the episode is being played …"
    tape = numbers.tape
    parts = [f"task {one_line(tape.task)}"] if tape.task else []
    parts.append(f"seed {tape.seed}")
    ending = "" if tape.finished else ", cut off there"
    parts.append(f"{tape.length:,} step{'s' if tape.length != 1 else ''}{ending}")
    parts.append(f"return per agent {figure(tape.mean_return)}")
    return " · ".join(parts)


def caption(film: Film) -> str:
    """How the episode came about, whose values are shown, and what is shown of it."""
    parts = [film.take.played, film.take.judged]
    if film.undrawn:
        parts.append(f"The world cannot be drawn, so what agents observe is shown: {film.undrawn}")
    if film.unjudged:
        parts.append(f"The policies cannot be asked: {film.unjudged}")
    said = [part[:1].upper() + part[1:].rstrip(".") for part in parts if part]
    return ". ".join(said) + "."


def describe(film: Film) -> str:
    """The film as a few lines of text."""
    lines = [f"{film.take.title}: {facts(film)}", caption(film)]
    if film.error:
        lines.append(film.error)
    if film.numbers is not None:
        returns = list(film.numbers.tape.returns.items())
        told = [f"{one_line(agent, limit=40)} {figure(total)}" for agent, total in returns[:_NAMED]]
        more = [f"{len(returns) - _NAMED} more"] if len(returns) > _NAMED else []
        lines.append(f"return: {', '.join([*told, *more])}")
    return "\n".join(line for line in lines if line)
