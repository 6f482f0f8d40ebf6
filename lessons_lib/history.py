"""What happened in a training run."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What happened, step by step; `accuracy` holds one validation accuracy (0 to 1) at the end of each epoch."""

    loss: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    accuracy: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    images: int = 0
    finished: bool = False

    @property
    def images_per_second(self) -> float:
        """Training throughput, evaluation left out."""
        return self.images / self.seconds if self.seconds else 0.0
