"""Lesson 12: a button that writes the learner's report, and a sentence that says where it is."""

from lessons_lib.explained import Explained
from lessons_lib.widgets.explorer import status
from lessons_lib.widgets.fallback import have_widgets, show

BEFORE = "Press the button to write the report, or run `python3 run.py report` in a terminal."


def write_and_describe() -> str:
    """Write the report, and say where it is and how full; where it cannot be written, why."""
    from lessons_lib.ledger.rows import ledger
    from lessons_lib.ledger.table import summary
    from lessons_lib.report.files import write_report

    try:
        page, data = write_report()
    except Explained as problem:
        return str(problem)
    return f"{summary(ledger())}. Written: {page.parent.name}/{page.name}, to look at, and {data.name}, for programs ({page.parent})."


def report_button() -> None:
    """A button; pressed, it writes the report anew. Without widgets, how to write it by hand."""
    if not have_widgets():
        print("To write your report, run `python3 run.py report` in a terminal.")
        return
    import ipywidgets

    button = ipywidgets.Button(description="Write my report", layout={"width": "auto"})
    told = ipywidgets.HTML(status(BEFORE))
    told.add_class("report-readout")

    def write(_button: object) -> None:
        button.disabled, told.value = True, status("Writing ...")
        try:
            told.value = status(write_and_describe())
        finally:
            button.disabled = False

    button.on_click(write)
    show(ipywidgets.VBox([button, told]), html=told.value, text=BEFORE)
