"""The claim: "32-bit to 8-bit cuts memory about fourfold, speeds inference up, and costs no significant accuracy"."""

from dataclasses import dataclass

from lessons_lib.paired_answers import Change
from lessons_lib.timing import Verdict

ABOUT_FOURFOLD = (3.5, 4.5)
WORTH_A_POINT = 0.01  # of an accuracy: a loss whose interval stays within it is called none that matters here


@dataclass(frozen=True)
class Claim:
    """Its three parts, measured. smaller: float32 bytes / int8 bytes. speed: int8 against float32, by batch size.
    accuracy: the answers of int8 against those of float32 on the same images."""

    smaller: float
    speed: dict[int, Verdict]
    accuracy: Change

    def parts(self) -> dict[str, str]:
        """The verdict of each part, with its figures."""
        return {
            "about a quarter of the memory": f"{self._memory()}: {self.smaller:.2f} times smaller",
            "faster": "; ".join(f"batch {batch}: {verdict}" for batch, verdict in self.speed.items()),
            "no significant loss of accuracy": f"{self._accuracy()}: {self.accuracy.figures}",
        }

    @property
    def word(self) -> str:
        """Either "holds", "does not hold here", "holds only if ..." or "cannot be tested here"."""
        faster = [batch for batch, verdict in self.speed.items() if verdict.word == "faster"]
        words = (self._memory(), "holds" if faster else "does not hold here", self._accuracy())
        for word in ("does not hold here", "cannot be tested here"):
            if word in words:
                return word
        if len(faster) < len(self.speed):
            return f"holds only if the batch is {' or '.join(map(str, faster))}, of those measured"
        return "holds"

    def _memory(self) -> str:
        low, high = ABOUT_FOURFOLD
        return "holds" if low <= self.smaller <= high else "does not hold here"

    def _accuracy(self) -> str:
        if self.accuracy.interval[0] >= -WORTH_A_POINT:
            return "holds"
        return "does not hold here" if self.accuracy.word == "worse" else "cannot be tested here"
