"""One training after the other on this machine: one warm child for all that may share it, others by themselves."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from auditor.errors import IncompleteError
from auditor.rerun.fleet.order import Ended, Left, Order, Site, alone, child_of
from auditor.rerun.followed import Followed
from auditor.rerun.options import Progress
from auditor.rerun.runner import Child, EndedEarlyError, never


class Local:
    """One warm child at most. ``name`` tells the scratch folders of several apart; ``device`` is the GPU of its own."""

    def __init__(
        self,
        site: Site,
        followed: Followed,
        progress: Progress,
        left: Left,
        *,
        name: str = "",
        device: str | None = None,
        stopped: Callable[[], bool] = never,
    ) -> None:
        self._site, self._followed, self._progress, self._left = site, followed, progress, left
        self._name, self._device, self._stopped = name, device, stopped
        self._warm: Child | None = None
        self._made = 0

    def train(self, orders: Sequence[Order]) -> Generator[Ended, None, None]:
        """Train in the order given; what ended early ends the rest."""
        for order in orders:
            ended = self.one(order, self._followed)
            yield ended
            if isinstance(ended.error, EndedEarlyError):
                return

    def one(self, order: Order, followed: Followed) -> Ended:
        """Train one order, in the warm child where it may share it."""
        try:
            self._train(order, followed)
        except IncompleteError as error:
            return Ended(order, error)
        return Ended(order)

    def close(self) -> None:
        """End the warm child and everything it started."""
        warm, self._warm = self._warm, None
        if warm is not None:
            warm.__exit__()

    def _train(self, order: Order, followed: Followed) -> None:
        if order.words or not order.shared:
            alone(
                self._site,
                order,
                self._site.folder / f"child-{order.name}",
                followed,
                self._progress,
                self._left(),
                device=self._device,
                stopped=self._stopped,
            )
            return
        if self._warm is None:
            self._warm = child_of(self._site, order, self._scratch(), self._device, self._stopped)
        well = False
        try:
            self._warm.train(order.jobs, followed, self._progress, self._left())
            well = True
        finally:
            if not well:
                self.close()  # the next order begins in a new process

    def _scratch(self) -> Path:
        self._made += 1
        again = f"-{self._made}" if self._made > 1 else ""
        return self._site.folder / f"child-warm{self._name}{again}"
