"""Who steps the copies: this process, or workers; and what is asked of either."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.accounts import Accounts, Standing
from daf_nb.envs.arrays import Arrays
from daf_nb.envs.halves import Stepper
from daf_nb.envs.instances import Instances
from daf_nb.envs.layout import Layout
from daf_nb.envs.local import Infos, Local
from daf_nb.envs.seeds import EpisodeSeeds
from daf_nb.envs.settings import Setting
from daf_nb.envs.spaces import agent_spaces
from daf_nb.envs.tape import Tape
from daf_nb.envs.watch import Watch

__all__ = ["Host", "Plan", "Staff", "staffed"]


class Host(Stepper, Protocol):
    """Has some copies, here or in another process; see `Local` for what is asked."""

    @property
    def standing(self) -> Mapping[int, Standing]: ...
    @property
    def infos(self) -> Infos: ...
    @property
    def reset_infos(self) -> Infos: ...

    def reseed(self, seeds: EpisodeSeeds) -> None: ...
    def prepare(self, copy: int, setting: Setting) -> None: ...
    def order(self, verb: str, given: Any) -> None:
        """Has it begin its method of that name, "reset" or "restore"."""

    def done(self) -> Any:
        """What came of what was ordered."""
        ...

    def count(self) -> None: ...
    def remember(self, taped: Callable[[range], list[Tape]]) -> None: ...
    def settle(self, *, back: bool = False) -> None:
        """Takes what is still to come, which is of no use to anybody.

        Where somebody broke off, nothing is in progress then; or (`back`) the copies are where
        their tapes end.
        """

    def reach(self, copies: Sequence[int], ask: Callable[[ParallelEnv], Any]) -> list[Any]: ...
    def dismiss(self) -> None:
        """Begins to close, if that takes others some time."""

    def close(self, *, left: bool = False) -> None: ...


@dataclass(frozen=True)
class Plan:
    """What copies are made of; see `Copies`."""

    factory: Callable[[], ParallelEnv]
    rebuild: Callable[[Mapping[str, Any]], ParallelEnv] | None
    groups: Mapping[str, Sequence[str]] | None
    layout: Layout | None
    num_envs: int


@dataclass(frozen=True)
class Staff:
    """Who has which copies.

    Attributes:
        layout: of the arrays.
        arrays: what they all write.
        hosts: each with its copies, in copy order.
        halves: the copies that are stepped together.
        release: gives back what they share; None where this process has all copies.
    """

    layout: Layout
    arrays: Arrays
    hosts: Sequence[tuple[Host, range]]
    halves: Sequence[range]
    release: Callable[[], object] | None

    @property
    def here(self) -> bool:
        """It is this process, and nobody else."""
        return self.release is None

    def having(self, copies: range) -> list[tuple[Stepper, range]]:
        """Who has some of `copies`, and which."""
        shared = [
            (host, range(max(has.start, copies.start), min(has.stop, copies.stop)))
            for host, has in self.hosts
        ]
        return [(host, both) for host, both in shared if both]

    def host_of(self, copy: int) -> Host:
        """Who has a copy."""
        return next(host for host, has in self.hosts if copy in has)

    def remember(self, taped: Callable[[range], list[Tape]]) -> None:
        """Says where the tapes are from which lost copies can be rebuilt."""
        for host, _ in self.hosts:
            host.remember(taped)

    def settle(self, *, back: bool = False) -> None:
        """Nobody is in the middle of a step any more; as `Host`."""
        for host, _ in self.hosts:
            host.settle(back=back)

    def close(self, *, left: bool = False) -> None:
        """Closes every world, or leaves them; leaves those that it was interrupted before."""
        try:
            if not left:
                for host, _ in self.hosts:
                    host.dismiss()
            for host, _ in self.hosts:
                host.close(left=left)
        except BaseException:
            for host, _ in self.hosts:
                host.close(left=True)
            raise
        finally:
            if self.release is not None:
                self.release()


def staffed(plan: Plan, accounts: Accounts, watch: Watch, num_workers: int) -> Staff:
    """The copies of a plan, in this process (0) or in workers; as `Copies`."""
    if num_workers:
        from daf_nb.envs.workers.hiring import hired

        return hired(plan, accounts, watch, num_workers)
    copies = range(plan.num_envs)
    instances = Instances(plan.factory, plan.rebuild, copies=copies, watch=watch)
    try:
        layout = plan.layout or Layout(agent_spaces(instances.own[0]))
        groups = plan.groups or {"all": list(layout.spaces)}
        arrays = Arrays(groups, layout.spaces, num_envs=plan.num_envs)
        exact = plan.layout is None
        part = Local(instances, arrays, layout, accounts, exact=exact, watch=watch)
    except BaseException:
        instances.close()
        raise
    return Staff(layout, arrays, [(part, copies)], [copies], None)
