"""Says which lesson and step is running and how long it will still take, on one line that is rewritten."""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

UNKNOWN_LESSON_S = 60.0


@dataclass
class TimeLeft:
    """Estimates the rest of a run from what the lessons took elsewhere, scaled by what this run has measured.

    Args:
        expected_s: for each lesson in order, the seconds it took when it was built; None where that is not known.
        comparable: whether this run does the same amount of work, so that a guess is possible before any measurement.
    """

    expected_s: dict[str, float | None]
    comparable: bool = True
    measured_s: dict[str, float] = field(default_factory=dict)

    def seconds(self, current: str, elapsed_s: float) -> float | None:
        """Seconds from now to the end of the run, `elapsed_s` into the lesson `current`; None where there is no telling."""
        known = [value for value in self.expected_s.values() if value]
        if not self.measured_s and not (known and self.comparable):
            return None
        usual = sum(known) / len(known) if known else UNKNOWN_LESSON_S
        weight = {name: value or usual for name, value in self.expected_s.items()}
        done = sum(weight[name] for name in self.measured_s)
        scale = sum(self.measured_s.values()) / done if self.measured_s else 1.0
        later = [value for name, value in weight.items() if name not in self.measured_s and name != current]
        return max(weight[current] * scale - elapsed_s, 0.0) + sum(later) * scale


class Progress:
    """The progress of a run: one updating line on a terminal, a plain line for each step elsewhere.

    Args:
        names: the lessons in order.
        time_left: the estimate to show.
        stream: where to write.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        names: list[str],
        time_left: TimeLeft,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.names, self.time_left, self.clock = names, time_left, clock
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty()
        self.name, self.heading, self.started_at = "", "", 0.0

    def start(self, name: str) -> None:
        """A lesson begins."""
        self.name, self.heading, self.started_at = name, "starting", self.clock()
        self.show()

    def step(self, heading: str) -> None:
        """A cell under this heading begins."""
        if heading != self.heading:
            self.heading = heading
            self.show()

    def finish(self, text: str) -> None:
        """A lesson has ended; `text` says how."""
        self.time_left.measured_s[self.name] = self.clock() - self.started_at
        self.clear()
        print(f"{self.place()} {self.name}: {text}", file=self.stream, flush=True)

    def place(self) -> str:
        """Which lesson of how many, for example "[2/3]"."""
        return f"[{self.names.index(self.name) + 1}/{len(self.names)}]"

    def show(self) -> None:
        """Write the present state; on a terminal also called between steps, so that the clock moves."""
        line = self.line()
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            print("\r" + line[:width].ljust(width), end="", file=self.stream, flush=True)
        else:
            print(line, file=self.stream, flush=True)

    def tick(self) -> None:
        """Let the clock move on a terminal."""
        if self.live and self.name:
            self.show()

    def clear(self) -> None:
        """Remove the updating line."""
        if self.live:
            print("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r", end="", file=self.stream, flush=True)

    def line(self) -> str:
        """What is shown: lesson, step, seconds so far and time left."""
        elapsed_s = self.clock() - self.started_at
        left_s = self.time_left.seconds(self.name, elapsed_s)
        parts = [f"{self.place()} {self.name}", self.heading, f"{elapsed_s:.0f} s"]
        return " · ".join(parts + ([f"about {in_words(left_s)} left"] if left_s is not None else []))


def in_words(seconds: float) -> str:
    """A duration as people say it: "20 s", "4 min"."""
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return f"{round(seconds / 60)} min"
