"""What one part of a machine record measured, in a form that JSON can hold."""

from dataclasses import dataclass, field
from typing import Any

from lessons_lib.timing import Measurement

MOST_SAMPLES = 40
DIGITS = 4


@dataclass(frozen=True)
class Findings:
    """What one part measured.

    series: one dict for each thing that was timed, from `series_of`. facts: single figures that are no samples: numbers,
    texts, lists and small dicts. notes: a sentence for everything that could not be measured here.
    """

    series: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def series_of(measurement: Measurement, **labels: str | int | float | bool | None) -> dict[str, Any]:
    """One series: its labels and its times in milliseconds.

    Args:
        measurement: of `timing`. labels: what was timed, such as precision="float16", batch=64.

    Returns:
        The labels, and samples_ms (rising, at most 40 of them, 4 significant digits), median_ms, p25_ms and p75_ms (of all
        the samples), and count, how many there were.
    """
    low, high = measurement.quartiles_ms
    figures = {"median_ms": measurement.median_ms, "p25_ms": low, "p75_ms": high}
    samples = evenly([1000 * seconds for seconds in sorted(measurement.samples_s)], MOST_SAMPLES)
    return {
        **labels,
        "samples_ms": [rounded(sample) for sample in samples],
        **{name: rounded(value) for name, value in figures.items()},
        "count": len(measurement.samples_s),
    }


def evenly(values: list[float], most: int) -> list[float]:
    """At most so many values, the first and the last among them, at even distances in the list."""
    if len(values) <= most:
        return values
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)] if most > 1 else values[:1]


def rounded(value: float, digits: int = DIGITS) -> float:
    """A number to so many significant digits: a time is not known more exactly."""
    return float(f"{value:.{digits}g}")
