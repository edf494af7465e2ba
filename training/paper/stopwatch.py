"""How much of a processor a candidate's training took, also if it was interrupted and taken up again."""

from __future__ import annotations

import time
from pathlib import Path


class Stopwatch:
    """Counts seconds of processors, of all threads of this process together.

    Not of a clock: what else the machine does meanwhile, and a pause, would count as training.
    """

    def __init__(self, file: Path) -> None:
        """Goes on from what an interrupted run kept.

        Args:
            file: Where it is kept.
        """
        self._file = file
        self._before = float(file.read_text("utf-8")) if file.is_file() else 0.0
        self._begun = time.process_time()

    @property
    def seconds(self) -> float:
        """Until now, in all runs."""
        return self._before + time.process_time() - self._begun

    def keep(self) -> None:
        """Writes it down: what comes after this is lost with an interruption, as the training is."""
        partial = self._file.with_suffix(".partial")
        partial.write_text(f"{self.seconds:.3f}", "utf-8")
        partial.rename(self._file)
