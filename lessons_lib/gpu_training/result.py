"""What a fast training leaves behind."""

from dataclasses import dataclass, field
from typing import Any

from lessons_lib.gpu_training.looking import Views
from lessons_lib.gpu_training.recipe import FastRecipe
from lessons_lib.gpu_training.ways import Way
from lessons_lib.history import History


@dataclass
class Fit:
    """How a training went.

    history: losses, rates, and the validation accuracy at the end of each epoch; its times are those of whole epochs, shared out
    equally over their steps, since looking at the clock after each step would make the GPU wait. accuracy: of the test images (0 to
    1), None where training was stopped. preparation_s: moving the images to the device, a rehearsal, and compiling or
    capturing. start_s: the whitening of the first layer and the drawing of the orders. prediction_s: the last look, at the
    test images. memory_bytes: the most that tensors took on a GPU, None on a CPU.
    """

    device: str
    way: Way
    recipe: FastRecipe
    views: Views
    images: int
    history: History = field(default_factory=History)
    accuracy: float | None = None
    preparation_s: float = 0.0
    start_s: float = 0.0
    prediction_s: float = 0.0
    memory_bytes: int | None = None

    @property
    def seconds(self) -> float:
        """From the first use of the training images to the last answer, as the published record counts: without preparation."""
        return self.start_s + self.history.seconds + self.prediction_s

    @property
    def seconds_with_preparation(self) -> float:
        """The same with all that went before."""
        return self.preparation_s + self.seconds

    def reached(self, target: float) -> bool:
        """Whether the test images are known to this accuracy (0 to 1)."""
        return self.accuracy is not None and self.accuracy >= target

    def facts(self, target: float) -> dict[str, Any]:
        """The figures as JSON can hold them."""
        first = self.history.seconds_to(target)
        return {
            "device": self.device,
            "way": str(self.way),
            "images": self.images,
            "batch": self.recipe.batch_for(self.images),
            "epochs": self.recipe.epochs,
            "steps": len(self.history.loss),
            "finished": self.history.finished,
            "seconds": self.seconds,
            "seconds_with_preparation": self.seconds_with_preparation,
            "images_per_second": self.history.images_per_second,
            "accuracy": self.accuracy,
            "views": self.views.count,
            "target": target,
            "reached": self.reached(target),
            "seconds_to_target_on_validation": None if first is None else self.start_s + first,
            "accuracy_per_epoch": [share for _, share in self.history.accuracy],
            "memory_bytes": self.memory_bytes,
        }

    def __str__(self) -> str:
        if self.accuracy is None:
            return f"stopped after {len(self.history.loss)} steps; run it again to start anew"
        return (
            f"{len(self.history.loss)} steps in {self.seconds:.2f} s ({self.seconds_with_preparation:.1f} s with preparation), "
            f"{self.history.images_per_second:,.0f} images/s; {self.accuracy:.2%} of the test images, {self.views}"
        )
