"""The tables of the throughput benchmark; every ratio is formed within a round."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from _common import table
from _throughput_cases import CASES

Results = list[dict[str, Any]]
Config = tuple[str, Any, Any]
"""Stack, copies, workers; the last two may be "auto"."""

DASH = "-"
RAW: Config = ("raw", 1, 0)


class Rounds:
    """What was measured on one world, by configuration and round."""

    def __init__(self, results: Results) -> None:
        self._by: dict[Config, dict[int, dict[str, Any]]] = {}
        for result in results:
            config = (result["stack"], result["copies"], result["workers"])
            self._by.setdefault(config, {})[result["round"]] = result
        self.missing = next((r["missing"] for r in results if "missing" in r), None)
        self.refused = {c: r["refused"] for c, r in self._each() if "refused" in r}

    def configs(self, stack: str) -> list[Config]:
        """A stack's, measured or refused; those of fewer workers first, `auto` last."""
        mine = [config for config in self._by if config[0] == stack]
        auto = [config for config in mine if "auto" in config]
        return sorted(set(mine) - set(auto), key=lambda config: (config[2], config[1])) + auto

    def of(self, config: Config, key: str) -> dict[int, float]:
        """Round -> what was measured; rounds in which it was refused are left out."""
        rounds = self._by.get(config, {})
        return {turn: found[key] for turn, found in rounds.items() if key in found}

    def best(self, stack: str) -> tuple[dict[int, float], str]:
        """Round -> the best rate of a stack; and the configuration with the best median."""
        rates = {config: self.of(config, "live") for config in self.configs(stack)}
        rates = {config: by_round for config, by_round in rates.items() if by_round}
        turns = {turn for by_round in rates.values() for turn in by_round}
        best = {turn: max(r[turn] for r in rates.values() if turn in r) for turn in sorted(turns)}
        if not best:
            return best, DASH
        winner = max(rates, key=lambda config: median(rates[config].values()))
        return best, self.label(winner)

    def like(self, config: Config) -> Config:
        """The peer's configuration that a memory is compared with: as many copies."""
        _, copies, workers = config
        if copies == "auto":
            copies = next(iter(self.of(config, "copies_used").values()), copies)
            workers = next(iter(self.of(config, "workers_used").values()), workers)
        return ("SuperSuit", copies, 2 if workers else 0)

    def label(self, config: Config) -> str:
        """Copies and workers; of `auto`, what it came to."""
        _, copies, workers = config
        if copies != "auto":
            return f"{copies} x {workers}"
        used = self.of(config, "copies_used"), self.of(config, "workers_used")
        came_to = {f"{used[0][turn]} x {used[1][turn]}" for turn in used[0]}
        return f"auto ({', '.join(sorted(came_to))})" if came_to else "auto"

    def _each(self) -> Iterator[tuple[Config, dict[str, Any]]]:
        for config, rounds in self._by.items():
            for result in rounds.values():
                yield config, result


def report(results: Results) -> str:
    """The best of each stack; every configuration with its memory; and what is to be said."""
    worlds = {
        world: Rounds([r for r in results if r["world"] == world])
        for world in dict.fromkeys(r["world"] for r in results)
    }
    parts = [_best(worlds), _every(worlds), *_notes(worlds)]
    return "\n\n".join(part for part in parts if part)


def _best(worlds: dict[str, Rounds]) -> str:
    header = ["agent-steps/s", "raw world", "best stock", "copies x processes", "best daf_nb"]
    header += ["copies x workers", "to stock", "stock to twice raw", "daf_nb to twice raw"]
    rows = []
    for world, rounds in worlds.items():
        if rounds.missing:
            rows.append([world, f"{rounds.missing} is not installed", *[DASH] * (len(header) - 2)])
            continue
        raw, (peer, theirs) = rounds.of(RAW, "live"), rounds.best("SuperSuit")
        best, ours = rounds.best("daf_nb")
        twice = {turn: 2 * rate for turn, rate in raw.items()}
        ratios = [_ratio(best, peer), _ratio(peer, twice), _ratio(best, twice)]
        rows.append([world, _rate(raw), _rate(peer), theirs, _rate(best), ours, *ratios])
    return table(header, rows)


def _every(worlds: dict[str, Rounds]) -> str:
    header = ["world", "stack", "copies x workers", "agent-steps/s", "to best stock"]
    header += ["CPU us/step", "MiB", "MiB to stock's"]
    rows = []
    for world, rounds in worlds.items():
        peer, _ = rounds.best("SuperSuit")
        for stack in ("SuperSuit", "daf_nb", "daf_nb recorded"):
            for config in [] if rounds.missing else rounds.configs(stack):
                live, mib = rounds.of(config, "live"), rounds.of(config, "mib")
                theirs = rounds.of(rounds.like(config), "mib")
                rows.append(
                    [
                        world,
                        stack,
                        rounds.label(config),
                        _rate(live),
                        _ratio(live, peer),
                        _rate(rounds.of(config, "cpu_us")),
                        _rate(mib),
                        _ratio(mib, theirs) if stack != "SuperSuit" else DASH,
                    ]
                )
    return table(header, rows) if rows else ""


def _notes(worlds: dict[str, Rounds]) -> Iterator[str]:
    for world, rounds in worlds.items():
        if CASES[world].deaths and not rounds.missing:
            each = [
                f"{rounds.label(config)}: {_rate(rounds.of(config, 'rows'))}"
                for config in rounds.configs("SuperSuit")
            ]
            yield f"With the rows of dead agents counted, SuperSuit on {world}: {', '.join(each)}."
    reasons: dict[str, list[str]] = {}
    for rounds in worlds.values():
        for config, reason in rounds.refused.items():
            said = reasons.setdefault(reason, [])
            if (label := rounds.label(config)) not in said:
                said.append(label)
    for reason, labels in reasons.items():
        yield f"Refused by daf_nb ({', '.join(labels)}): {reason}"


def _rate(by_round: dict[int, float]) -> str:
    return _median(by_round, lambda value: f"{value:,.0f}")


def _ratio(ours: dict[int, float], theirs: dict[int, float]) -> str:
    """Over the rounds in which both were measured."""
    ratios = {turn: ours[turn] / theirs[turn] for turn in ours.keys() & theirs.keys()}
    if not ratios:
        return DASH
    low, high = min(ratios.values()), max(ratios.values())
    return f"{median(ratios.values()):.2f} [{low:.2f}, {high:.2f}]"


def _median(by_round: dict[int, float], shown: Callable[[float], str]) -> str:
    return shown(median(by_round.values())) if by_round else DASH
