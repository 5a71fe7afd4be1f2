"""Conformance: check that a vectorised multi-agent world keeps what training relies on.

from daf_nb.testing import check_vec_env

check_vec_env(lambda: AgentVecEnv(lambda: make_env(MyWorld), num_envs=3))
"""

from daf_nb.testing.conformance import check_bridge, check_vec_env
from daf_nb.testing.promises import PROMISES
from daf_nb.testing.scripted import SCENARIOS, Scripted
from daf_nb.testing.witness import Testimony, Witness

__all__ = [
    "PROMISES",
    "SCENARIOS",
    "Scripted",
    "Testimony",
    "Witness",
    "check_bridge",
    "check_vec_env",
]
