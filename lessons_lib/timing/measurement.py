"""What a measurement leaves behind: samples in; median, quartiles and verdict out. `timing` fills these in.

Everything is derived from the samples, which are kept, and nothing is formatted here (see `table`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lessons_lib.timing import table
from lessons_lib.timing.verdict import Verdict, judge

NOISY_SPREAD = 0.1  # the limit above which torch.utils.benchmark, too, doubts a figure


@dataclass(frozen=True)
class Measurement:
    """How long one thing took: every sample, in seconds per call, and how many calls each sample is the mean of."""

    name: str
    samples_s: tuple[float, ...]
    calls_per_sample: int = 1

    @property
    def median_ms(self) -> float:
        """The middle sample: half the calls are faster."""
        return self._percentile_ms(50)

    @property
    def quartiles_ms(self) -> tuple[float, float]:
        """Between these two lies the middle half of the samples."""
        return self._percentile_ms(25), self._percentile_ms(75)

    @property
    def p95_ms(self) -> float:
        """19 of 20 samples are faster than this one."""
        return self._percentile_ms(95)

    @property
    def spread(self) -> float:
        """Interquartile range over median: 0.1 is where a latency stops being trustworthy."""
        low, high = self.quartiles_ms
        return (high - low) / self.median_ms

    @property
    def per_second(self) -> float:
        """Calls a second at the median; times the batch size it is the throughput."""
        return 1000 / self.median_ms

    @property
    def warning(self) -> str | None:
        """A sentence where the spread exceeds 10 % of the median, else None."""
        if self.spread <= NOISY_SPREAD:
            return None
        return f"Noisy: the middle half of the samples spreads over {100 * self.spread:.0f} % of the median."

    def to_dict(self, *, samples: bool = False) -> dict[str, Any]:
        """The figures as plain numbers that JSON can hold; with every sample on request."""
        figures: dict[str, Any] = {
            "name": self.name,
            "median_ms": self.median_ms,
            "quartiles_ms": list(self.quartiles_ms),
            "p95_ms": self.p95_ms,
            "per_second": self.per_second,
            "spread": self.spread,
            "n": len(self.samples_s),
            "calls_per_sample": self.calls_per_sample,
            "warning": self.warning,
        }
        return figures | {"samples_s": list(self.samples_s)} if samples else figures

    def _percentile_ms(self, share: float) -> float:
        return float(np.percentile(self.samples_s, share)) * 1000

    def __repr__(self) -> str:
        return table.sentence(self.to_dict())


@dataclass(frozen=True)
class Comparison:
    """Several things measured in turns; sample i of each comes from the same round."""

    baseline: str
    measurements: dict[str, Measurement]
    confidence: float

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """Each but the baseline, judged against it.

        Several verdicts give chance several occasions, so each interval is wider (Bonferroni): the whole table is right
        with the probability `confidence`.
        """
        others = [name for name in self.measurements if name != self.baseline]
        confidence = 1 - (1 - self.confidence) / len(others)
        baseline_s = self.measurements[self.baseline].samples_s
        return {name: judge(baseline_s, self.measurements[name].samples_s, confidence=confidence) for name in others}

    @property
    def verdict(self) -> Verdict:
        """The one verdict of a comparison of two.

        Raises:
            ValueError: more than two were compared.
        """
        if len(self.verdicts) != 1:
            raise ValueError(f"There are {len(self.verdicts)} verdicts; take one of .verdicts: {list(self.verdicts)}.")
        return next(iter(self.verdicts.values()))

    def rows(self) -> list[dict[str, Any]]:
        """One row each, the baseline first: the figures of the measurement, verdict, ratio, low and high, for JSON."""
        return [measurement.to_dict() | self._judged(name) for name, measurement in self.measurements.items()]

    def _judged(self, name: str) -> dict[str, Any]:
        if name == self.baseline:
            return {"verdict": "baseline", "ratio": 1.0, "low": None, "high": None, "figures": ""}
        found = self.verdicts[name]
        figures = {"ratio": found.ratio, "low": found.low, "high": found.high, "figures": found.figures}
        return {"verdict": found.word} | figures

    def __repr__(self) -> str:
        return table.text(self.rows(), self.confidence)

    def _repr_html_(self) -> str:
        return table.html(self.rows(), self.confidence)
