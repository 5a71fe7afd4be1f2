"""The parts of a training that its time is divided into, and to which of them a stack belongs."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["PARTS", "part_of"]

STEPS, RESETS = "world steps", "world resets"
INFERENCE, STORING, ADVANTAGES = "inference", "storing", "advantages (GAE)"
FORWARD, BACKWARD, OPTIMISER = "update: forward", "update: backward", "update: optimiser"
CURRICULUM, RECORD, OTHER = "curriculum, success", "record, tapes", "other"
PARTS = (
    STEPS,
    RESETS,
    INFERENCE,
    STORING,
    ADVANTAGES,
    FORWARD,
    BACKWARD,
    OPTIMISER,
    CURRICULUM,
    RECORD,
    OTHER,
)

_Rules = tuple[tuple[str, "re.Pattern[str]"], ...]


def _rules(*pairs: tuple[str, str]) -> _Rules:
    return tuple((part, re.compile(pattern)) for part, pattern in pairs)


_ANYWHERE = _rules(
    (RECORD, r"^daf_nb\.(record\b|envs\.(tap|digest|coding)|learn\.endings:)"),
    (CURRICULUM, r"^daf_nb\.(curriculum\b|learn\.(course|curriculum|success)\b)"),
)
_ROLLOUT = _rules(
    (STEPS, r"^daf_nb\.envs\."),
    (ADVANTAGES, r"^daf_nb\.learn\.(advantages:|.*:(_?finish|_?advantages|bootstrap)$)"),
    (STORING, r"^(daf_nb\.learn\..*buffer|stable_baselines3\.common\.buffers):"),
    (INFERENCE, r"^(stable_baselines3|sb3_contrib)\..*(policies|distributions|torch_layers):"),
    (INFERENCE, r"^daf_nb\.learn\.(\w+\.)*(act|part|plain|players|private)\w*:"),
    (INFERENCE, r"^daf_nb\.learn\..*:_?(choose|observations|act|draw)$"),
)
_UPDATE = _rules(
    (OPTIMISER, r"^torch\.optim\.|clip_grad|:zero_grad$|^daf_nb\.learn\.(adam:|descent:step$)"),
    (FORWARD, r"^daf_nb\..*:forward$"),
    (BACKWARD, r"^torch\.autograd(\.graph)?:|:backward$"),
    (BACKWARD, r"^daf_nb\.learn\.(slopes:|.*:differentiate$)"),
)
_PHASES: tuple[tuple[re.Pattern[str], _Rules, str], ...] = (
    (re.compile(r"^(daf_nb\.learn\..*:update|stable_baselines3\..*:train)$"), _UPDATE, FORWARD),
    (re.compile(r"^daf_nb\.learn\..*:collect$"), (*_ANYWHERE, *_ROLLOUT), OTHER),
)
_BEGINS = re.compile(r"^daf_nb\.envs\.starting:_?(start|begin)|:_?reset$")


def part_of(stack: Sequence[str]) -> str:
    """Which of `PARTS` a stack is in.

    Args:
        stack: its frames as "module:function", the innermost first. Names of modules and functions
            decide: those that are not known count for what called them.
    """
    inside, rules, part = list(stack), _ANYWHERE, OTHER
    for at in range(len(stack) - 1, -1, -1):  # the outermost: a world may have an update, too
        phase = next((phase for phase in _PHASES if phase[0].search(stack[at])), None)
        if phase is not None:
            inside, (_, rules, part) = list(stack[:at]), phase
            break
    part = next(
        (part for frame in inside for part, known in rules if known.search(frame)),
        part,
    )
    return RESETS if part == STEPS and any(map(_BEGINS.search, inside)) else part
