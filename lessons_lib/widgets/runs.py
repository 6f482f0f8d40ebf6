"""Lesson 03: pick a finished study's trial and look its runs up; nothing is trained when the slider moves."""

from collections.abc import Mapping

from lessons_lib import plots
from lessons_lib.study import Run, mean
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets


def describe(name: str, runs: Mapping[int, Run]) -> str:
    """What a trial came to over its seeds, in a sentence.

    Args:
        name: of the trial. runs: by seed, one or more.
    """
    shares = [run.validation for run in runs.values()]
    seen, new = mean(run.training for run in runs.values()), mean(shares)
    spread = f" (mean of {len(shares)} seeds, {min(shares):.1%} to {max(shares):.1%})" if len(shares) > 1 else ""
    return f"{name}: {seen:.1%} right on the training images, {new:.1%}{spread} on new ones, a gap of {100 * (seen - new):.1f} points."


def runs_explorer(found: Mapping[str, Mapping[int, Run]]) -> None:
    """A slider over the trials of a study; the curves of the chosen one are drawn in front of the others.

    Args:
        found: runs by name of the trial and seed; trials without runs are left out.

    Raises:
        ValueError: no runs.
    """
    finished = {name: runs for name, runs in found.items() if runs}
    if not finished:
        raise ValueError("there are no finished runs to look at: run the cell that trains them first.")
    text = "\n".join(describe(name, runs) for name, runs in finished.items())
    if not have_widgets():
        print(text)
        return
    import ipywidgets

    slider = ipywidgets.SelectionSlider(options=list(finished), description="trial", layout={"width": "36em"})
    explorer(
        [slider],
        lambda name: describe(name, finished[name]),
        lambda name: picture(finished, name)._repr_html_(),
        name="runs",
        text=text,
    )


def picture(found: Mapping[str, Mapping[int, Run]], chosen: str) -> plots.Picture:
    """Loss and validation accuracy of each run; those of the chosen trial in colour, the others in grey."""

    def paint(left, right) -> None:
        left.set(title="loss, mean of 25 steps (grey: the others)", xlabel="step", ylabel="cross-entropy")
        right.set(title="accuracy on validation images", xlabel="step", ylabel="%")
        in_front = {"color": plots.COLOURS["float32"], "linewidth": 2, "zorder": 3}
        for name, runs in found.items():
            look = in_front if name == chosen else {"color": "#BBBBBB", "linewidth": 0.8}
            for run in runs.values():
                left.plot(plots.running_mean(run.history.loss), **look)
                steps, shares = zip(*run.history.accuracy, strict=True)
                right.plot(steps, [100 * share for share in shares], **look)

    rows = [
        {
            "trial": name,
            "seed": seed,
            "loss at the end": f"{plots.running_mean(run.history.loss)[-1]:.2f}",
            "training accuracy": f"{run.training:.1%}",
            "validation accuracy": f"{run.validation:.1%}",
        }
        for name, runs in found.items()
        for seed, run in runs.items()
    ]
    alt = describe(chosen, found[chosen])
    return plots.draw(paint, alt=alt, table=plots.Table("Every run", rows), panels=2)
