"""`batched.py` on a CUDA device, and what the issue asks of it there: see the last lines it prints.

End to end at least one million agent-steps a second with networks of 64, at least five times stock
SB3 fed by the same world, and within twice the sum of the two ceilings: world alone, update alone.
"""

from __future__ import annotations

import json
from statistics import median
from typing import Any

import batched
import torch

MOST = 1_000_000


def verdicts(results: list[dict[str, Any]]) -> list[str]:
    """At the number of copies that is fastest."""

    def rate(variant: str, copies: int) -> float:
        its = [r["rate"] for r in results if (r["variant"], r["copies"]) == (variant, copies)]
        return median(its) if its else float("nan")

    best = max({r["copies"] for r in results}, key=lambda copies: rate("daf_nb", copies))
    ours = rate("daf_nb", best)
    both = (1 / ours) / (1 / rate("world alone", best) + 1 / rate("update alone", best))
    stock = ours / rate("SB3", best)
    return [
        f"At {best:,} copies:",
        f"  {ours:,.0f} agent-steps/s; {MOST:,} are asked for: {_met(ours >= MOST)}",
        f"  {stock:.1f} times stock SB3; 5 are asked for: {_met(stock >= 5)}",
        f"  {both:.2f} times the sum of its ceilings; 2 at most: {_met(both <= 2)}",
    ]


def _met(holds: bool) -> str:
    return "met" if holds else "MISSED"


def main() -> None:
    """Measures and prints, or says that there is no CUDA device."""
    options = batched.parser(__doc__)
    options.set_defaults(device="cuda", copies=[1024, 4096, 16_384, 65_536])
    args = options.parse_args()
    if args.job:
        print(json.dumps(batched.VARIANTS[args.job["variant"]](args.job)))
        return
    if not torch.cuda.is_available():
        print("No CUDA device here: nothing was measured. batched.py runs the same code on a CPU.")
        return
    print(torch.cuda.get_device_name())
    results = batched.measure(args, __file__)
    print(batched.report(results))
    print("\n".join(verdicts(results)))
    print(batched.LEGEND.format(**vars(args)))


if __name__ == "__main__":
    main()
