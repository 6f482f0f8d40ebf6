"""Distillation: a small network, the student, learns from the answers of a large one, the teacher.

The teacher says more than a label does: how sure it is, and which wrong class comes second.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib import training
from lessons_lib.datasets.split import Dataset
from lessons_lib.history import History
from lessons_lib.resume import fingerprint

TEMPERATURE, SOFT_SHARE = 4.0, 0.9


def distillation_loss(
    logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float = TEMPERATURE,
    soft_share: float = SOFT_SHARE,
) -> Tensor:
    """How far a student is from its teacher, and from the labels.

    Args:
        logits, teacher_logits: float32 (n, classes). labels: int64 (n,).
        temperature: both sets of logits are divided by it, so that the small shares of the wrong classes show.
        soft_share: the weight (0 to 1) of the teacher; the labels get the rest.

    Returns:
        A scalar: the mean over the images of `soft_share` times temperature squared times KL(teacher, student), which
        keeps gradients at their size whatever the temperature, plus the rest times the cross-entropy.

    Source: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015.
    """
    said = F.log_softmax(logits / temperature, 1)
    taught = F.log_softmax(teacher_logits / temperature, 1)
    soft = temperature**2 * F.kl_div(said, taught, reduction="batchmean", log_target=True)
    return soft_share * soft + (1 - soft_share) * F.cross_entropy(logits, labels)


@dataclass(frozen=True, eq=False)
class Distillation:
    """The loss of a student on training images whose teacher was asked once, ready for `training.train(loss=...)`.

    teacher_logits: float32 (n, classes). labels: int64 (n,). Both in the order of data.train.
    """

    teacher_logits: Tensor
    labels: Tensor
    temperature: float = TEMPERATURE
    soft_share: float = SOFT_SHARE

    def __call__(self, logits: Tensor, places: Tensor) -> Tensor:
        taught, labels = (t[places.to(t.device)].to(logits.device) for t in (self.teacher_logits, self.labels))
        return distillation_loss(logits, taught, labels, self.temperature, self.soft_share)

    def __repr__(self) -> str:
        """Tells one teacher from another, so that a training that was stopped goes on only with its own."""
        taught = fingerprint(self.teacher_logits, self.labels)
        return f"Distillation(teacher {taught}, temperature={self.temperature:g}, soft_share={self.soft_share:g})"


def ask(
    teacher: nn.Module, data: Dataset, temperature: float = TEMPERATURE, soft_share: float = SOFT_SHARE
) -> Distillation:
    """Ask a teacher about every training image, once, wherever it is: one forward pass for each, however many steps follow.

    Raises:
        ValueError: a temperature that is not above 0, or a share that is not one.
    """
    if not temperature > 0 or not 0 <= soft_share <= 1:
        raise ValueError(
            f"temperature is {temperature!r} and soft_share {soft_share!r}; give one above 0 and one from 0 to 1."
        )
    return Distillation(training.predict(teacher, data.train.images), data.train.labels, temperature, soft_share)


def distil(
    student: nn.Module,
    teacher: nn.Module | Distillation,
    data: Dataset,
    recipe: training.Recipe | None = None,
    **how: Any,
) -> History:
    """Train `student` in place on `data.train`, taught by `teacher` rather than by the labels alone.

    Args:
        student, teacher: networks that return logits (n, classes); the teacher stays as it is. It may also be what `ask`
            returned, so that several students share the asking.
        recipe: as in `training.train`, but its label smoothing is not used: the teacher's answers are smooth already.
        how: whatever else `training.train` takes, such as `device`, `seed` or `checkpoint`.

    Returns:
        The history of the training. The asking is not part of its seconds.
    """
    taught = teacher if isinstance(teacher, Distillation) else ask(teacher, data)
    return training.train(student, data, recipe, loss=taught, **how)
