"""A progress bar and a learning curve while training runs; works with no widgets, and in a terminal too."""

import html
import sys
import time
from typing import Any

REDRAW_EVERY_S = 0.5
WIDTH, HEIGHT = 320, 80


def in_notebook() -> bool:
    """True where a Jupyter front end shows what is displayed."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and getattr(shell, "kernel", None) is not None


def curve_svg(values: list[float], label: str) -> str:
    """A line of `values` as an SVG picture whose `aria-label` tells the first and the last value."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    keep = values[:: max(1, len(values) // WIDTH)]
    points = " ".join(
        f"{i / (len(keep) - 1) * WIDTH:.0f},{HEIGHT - (value - low) / span * HEIGHT:.0f}"
        for i, value in enumerate(keep)
    )
    told = html.escape(f"{label} from {values[0]:.2f} to {values[-1]:.2f}")
    return (
        f'<svg role="img" aria-label="{told}" viewBox="-2 -2 {WIDTH + 4} {HEIGHT + 4}" width="{WIDTH}" height="{HEIGHT}">'
        f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="2"/></svg>'
    )


class Live:
    """Shows how far a job is, how long it still takes, and the curve of one value.

    In a notebook one output is redrawn in place, at most twice a second; elsewhere a line is printed at each tenth.
    `quiet=True` shows nothing.
    """

    def __init__(self, title: str, total: int, value_name: str = "loss", quiet: bool = False):
        self.title, self.total, self.value_name, self.quiet = title, total, value_name, quiet
        self.values: list[float] = []
        self._handle: Any = None
        self._started = self._shown = time.perf_counter()
        self._first_done: int | None = None
        self._tenth = -1

    def update(self, done: int, value: float, note: str = "") -> None:
        """Tell that `done` of the steps are over and what the value is now."""
        self.values.append(value)
        if self._first_done is None:
            self._first_done = done - 1
        now = time.perf_counter()
        if not self.quiet and (done >= self.total or now - self._shown >= REDRAW_EVERY_S):
            self._shown = now
            self._show(done, now - self._started, note)

    def close(self, note: str) -> None:
        """Leave the last state on display with a closing note."""
        if not self.quiet:
            self._show(self.total, time.perf_counter() - self._started, note, closing=True)

    def sentence(self, done: int, seconds: float, note: str, closing: bool = False) -> str:
        """The state in words: the text twin of the bar and the curve."""
        latest = f", {self.value_name} {self.values[-1]:.3f}" if self.values else ""
        if closing:
            return f"{self.title}: {note}{latest}"
        steps = done - (self._first_done or 0)
        left = seconds / steps * (self.total - done) if steps else 0.0
        return f"{self.title}: step {done} of {self.total}{latest}, {left:.0f} s left{'. ' + note if note else ''}"

    def _show(self, done: int, seconds: float, note: str, closing: bool = False) -> None:
        text = self.sentence(done, seconds, note, closing)
        if not in_notebook():
            tenth = done * 10 // max(self.total, 1)
            if closing or tenth > self._tenth:
                self._tenth = tenth
                print(text, flush=True)
            return
        from IPython.display import display

        bar = "" if closing else f'<progress value="{done}" max="{self.total}" aria-label="progress"></progress> '
        markup = f"<div>{bar}{html.escape(text)}</div>{curve_svg(self.values, self.value_name)}"
        bundle = {"text/html": markup, "text/plain": text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
