"""What happened in a training run."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What happened, step by step.

    loss, rate, step_seconds: of each step, evaluation left out. accuracy: pairs of steps done and validation accuracy (0
    to 1), at the end of each epoch or as often as was asked for. images: how many were trained on, repeats included.
    """

    loss: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    accuracy: list[tuple[int, float]] = field(default_factory=list)
    step_seconds: list[float] = field(default_factory=list)
    images: int = 0
    finished: bool = False

    @property
    def seconds(self) -> float:
        """Time spent training, evaluation left out."""
        return sum(self.step_seconds)

    def seconds_to(self, accuracy: float) -> float | None:
        """Seconds of training until the validation accuracy (0 to 1) was first seen to reach this; None where it never did."""
        step = next((step for step, share in self.accuracy if share >= accuracy), None)
        return None if step is None else sum(self.step_seconds[:step])

    @property
    def images_per_second(self) -> float:
        """Training throughput, evaluation left out."""
        return self.images / self.seconds if self.seconds else 0.0
