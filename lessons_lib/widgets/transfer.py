"""Lesson 04: choose images a class and a way to learn; the finished run is drawn in front of its rivals."""

from collections.abc import Sequence

from lessons_lib import plots
from lessons_lib.plots.bands import LINES
from lessons_lib.transfer.methods import METHODS, SCRATCH
from lessons_lib.transfer.runs import Run
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets
from lessons_lib.widgets.keyboard import choice

STYLES = dict(zip(METHODS, LINES, strict=False))  # colour, line and marker as in the pictures of the lesson


def describe(run: Run, rivals: Sequence[Run]) -> str:
    """What a run reached, and when it overtook training from scratch, in two sentences.

    Args:
        run: the chosen one. rivals: the runs on the same images, in any order; may hold `run` itself.
    """
    history = run.history
    told = (
        f"{run.method.capitalize()}, {run.per_class} image{'s' * (run.per_class > 1)} a class: {run.accuracy:.1%} of the test images "
        f"right after {history.seconds:.2g} s of training."
    )
    scratch = next((rival for rival in rivals if rival.method == SCRATCH), None)
    if scratch is None or run.method == SCRATCH:
        return told
    target = scratch.history.accuracy[-1][1]
    needed, slow = history.seconds_to(target), scratch.history.seconds_to(target)
    if needed is None or slow is None:
        return f"{told} It never reaches the {target:.1%} on validation images that training from scratch ends with."
    return f"{told} It reaches in {needed:.2g} s the {target:.1%} on validation images for which training from scratch needs {slow:.2g} s."


def transfer_explorer(runs: Sequence[Run]) -> None:
    """A slider for images a class, buttons for the method, and the learning curves of one seed over time.

    Raises:
        ValueError: no runs.
    """
    if not runs:
        raise ValueError("there are no runs to look at: run the cell that trains them first.")
    first = min(run.seed for run in runs)
    found = {(run.per_class, run.method): run for run in runs if run.seed == first}
    sizes = sorted({size for size, _ in found})
    text = "\n".join(describe(run, _rivals(found, size)) for (size, _), run in sorted(found.items()))
    if not have_widgets():
        print(text)
        return
    import ipywidgets

    methods = [method for method in METHODS if (sizes[0], method) in found]
    slider = ipywidgets.SelectionSlider(
        options=[(str(size), size) for size in sizes],
        description="images a class",
        style={"description_width": "8em"},
        layout={"width": "32em"},
    )
    buttons = choice("method", methods)
    buttons.value = methods[-1]

    def say(size: int, method: str) -> str:
        rivals = _rivals(found, size)
        return describe(found[size, method], rivals) if (size, method) in found else "This run was not finished."

    def draw(size: int, method: str) -> str:
        return _picture(_rivals(found, size), method, say(size, method))

    explorer([slider, buttons], say, draw, name="transfer", text=text)


def _rivals(found: dict[tuple[int, str], Run], per_class: int) -> list[Run]:
    return [run for (size, _), run in found.items() if size == per_class]


def _curve(run: Run) -> tuple[list[float], list[float]]:
    """Seconds of training, and accuracy on validation images in percent."""
    done, seconds = 0.0, [0.0]
    for step in run.history.step_seconds:
        done += step
        seconds.append(done)
    return [seconds[step] for step, _ in run.history.accuracy], [100 * share for _, share in run.history.accuracy]


def _picture(rivals: Sequence[Run], chosen: str, sentence: str) -> str:
    def paint(axes) -> None:
        for run in rivals:
            idea, style, marker = STYLES[run.method]
            front, colour = run.method == chosen, plots.COLOURS[idea]
            seconds, shares = _curve(run)
            label = f"{run.method}{' (chosen)' if front else ''}"
            axes.plot(
                seconds, shares, style, color=colour, linewidth=3 if front else 1.2, zorder=3 if front else 2,
                marker=marker, markevery=[len(shares) - 1], markersize=8, label=label,
            )  # fmt: skip
            axes.annotate(f"  {shares[-1]:.0f} %", (seconds[-1], shares[-1]), color=colour, va="center")
        axes.margins(x=0.1)
        axes.set(title="how fast each way learns", xlabel="seconds of training", ylabel="accuracy, validation, %")
        axes.set_ylim(bottom=0)
        axes.figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=len(rivals))

    rows = [{"method": run.method, "what happened": describe(run, rivals)} for run in rivals]
    caption = f"{rivals[0].per_class} images a class" if rivals else "No runs"
    return plots.draw(paint, alt=sentence, table=plots.Table(caption, rows))._repr_html_()
