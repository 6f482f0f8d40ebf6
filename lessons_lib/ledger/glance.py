"""Training against inference at a glance: purpose, phase, updates, frequency, time, memory, hardware, cost."""

from lessons_lib.ledger import figures
from lessons_lib.ledger.events import Events
from lessons_lib.ledger.figures import Figure
from lessons_lib.tables import Table

Cell = tuple[str, Figure | None, str]  # what always holds, the learner's figure, and the lesson that measures it
ROWS: dict[str, tuple[Cell, Cell]] = {
    "purpose": (
        ("learn weights from examples with known answers", None, ""),
        ("apply the weights to data nobody has answered", None, ""),
    ),
    "phase": (
        ("before release, and before every new version", None, ""),
        ("after release, as long as the service runs", None, ""),
    ),
    "updates": (
        ("every step changes the weights", figures.training_updates, "01"),
        ("none: the weights are fixed", figures.left_in_training_mode, "05"),
    ),
    "frequency": (
        ("once, then whenever the data have changed", figures.training_visits, "01"),
        ("at every request, for as long as it is of use", None, ""),
    ),
    "time": (
        ("hours to weeks for large models", figures.step_time, "05"),
        ("a short wait for each request", figures.prediction_time, "05"),
    ),
    "memory": (
        ("weights, gradients, optimiser state, and the activations of a whole batch", figures.step_memory, "05"),
        ("weights, and the activations of a layer or two", figures.one_memory, "05"),
    ),
    "hardware": (
        ("throughput first: GPUs, often several", figures.training_speed, "01"),
        ("whatever meets the deadline at the lowest price, often a CPU", figures.best_single, "09"),
    ),
    "cost": (
        ("paid once a version, failed runs included", figures.training_cost, "10"),
        ("paid for every prediction, so it grows with the traffic", figures.serving_cost, "10"),
    ),
}


def at_a_glance(events: Events | None = None) -> Table:
    """The comparison in a table, with the learner's figures where they were measured.

    Args:
        events: to read from; the learner's record by default.
    """
    found = events or Events()
    rows = [
        {"aspect": aspect, "training": _cell(training, found), "inference": _cell(inference, found)}
        for aspect, (training, inference) in ROWS.items()
    ]
    return Table("Training and inference at a glance, with your figures where there are some", rows)


def _cell(cell: Cell, events: Events) -> str:
    """What always holds, then what was measured, or where it will be."""
    general, figure, lesson = cell
    if figure is None:
        return f"{general}."
    return f"{general}; here {figure(events) or f'not measured yet: run lesson {lesson}'}."
