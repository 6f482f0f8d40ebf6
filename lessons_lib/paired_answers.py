"""Two networks on the same images: which of them gets more right, and can one tell?"""

import math
from dataclasses import dataclass

from torch import Tensor

from lessons_lib.timing.verdict import student_t

CONFIDENCE = 0.95
MANY = 10_000  # degrees of freedom with which Student's distribution is the normal one


@dataclass(frozen=True)
class Change:
    """How the answers of a second network differ from those of a first.

    lost: images that only the first gets right. won: images that only the second gets right. images: all of them.
    """

    lost: int
    won: int
    images: int

    @property
    def difference(self) -> float:
        """Accuracy of the second minus that of the first, -1 to 1."""
        return (self.won - self.lost) / max(1, self.images)

    @property
    def p_value(self) -> float:
        """How likely a difference of this size, or a larger one, is between networks that are equally good.

        Source: McNemar, Note on the sampling error of the difference between correlated proportions, 1947; exact, from the
        binomial distribution of the images on which the two differ.
        """
        differ, fewer = self.lost + self.won, min(self.lost, self.won)
        tail = sum(math.comb(differ, count) for count in range(fewer + 1))
        return min(1.0, 2 * tail / 2**differ)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true difference lies with a confidence of 95 %.

        Source: Agresti and Min, Simple improved confidence intervals for comparing matched proportions, 2005: half an image is
        added to each of the four counts.
        """
        count, lost, won = self.images + 2, self.lost + 0.5, self.won + 0.5
        middle = (won - lost) / count
        margin = student_t(CONFIDENCE, MANY) * math.sqrt(lost + won - (won - lost) ** 2 / count) / count
        return middle - margin, middle + margin

    @property
    def word(self) -> str:
        """Either "better", "worse" or, where the test does not decide, "cannot tell"."""
        if self.p_value >= 1 - CONFIDENCE:
            return "cannot tell"
        return "better" if self.won > self.lost else "worse"

    @property
    def figures(self) -> str:
        """The difference and its interval: "-0.12 points, -0.40 to +0.16"."""
        low, high = self.interval
        return f"{100 * self.difference:+.2f} points, {100 * low:+.2f} to {100 * high:+.2f}"

    def __str__(self) -> str:
        return f"{self.word}, {self.figures}"


def change(first: Tensor, second: Tensor) -> Change:
    """Compare answers to the same images.

    Args:
        first, second: bool (n,), True where the answer is right.

    Raises:
        ValueError: they are not of the same images.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            f"Two rows of answers to the same images are needed; these are {tuple(first.shape)} and {tuple(second.shape)}."
        )
    return Change(int((first & ~second).sum()), int((~first & second).sum()), len(first))
