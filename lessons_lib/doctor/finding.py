"""What the doctor says about one thing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Args:
        word: "ok", "warning" (the course runs, with limits) or "problem" (it does not run).
        sentence: what was found.
        remedy: what to do about it; empty where there is nothing to do.
    """

    word: str
    sentence: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.word:8}{self.sentence}" + (f"\n{'':8}What to do: {self.remedy}" if self.remedy else "")
