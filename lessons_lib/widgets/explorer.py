"""What most widgets of the lessons are: controls, the sentence that they lead to, and its picture."""

import html
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from lessons_lib.widgets.fallback import show

KEPT = 256  # pictures


def explorer(
    controls: Sequence[Any], describe: Callable[..., str], draw: Callable[..., str], *, name: str, text: str
) -> None:
    """Show controls above a sentence and a picture that follow them; nothing here starts a measurement.

    Args:
        controls: widgets with a value. describe, draw: the sentence, and the picture as HTML, of the values of the controls in their
            order; a picture is made once for each choice. name: of the widget in the page: the sentence has the class
            "NAME-readout" and the picture "NAME-picture". text: for terminals and screen readers.
    """
    import ipywidgets

    told, shown = ipywidgets.HTML(), ipywidgets.HTML()
    told.add_class(f"{name}-readout")
    shown.add_class(f"{name}-picture")
    drawn = lru_cache(KEPT)(draw)

    def redraw(_change: object = None) -> None:
        values = [control.value for control in controls]
        told.value = status(describe(*values))
        shown.value = drawn(*values)

    for control in controls:
        control.observe(redraw, "value")
    redraw()
    show(ipywidgets.VBox([*controls, told, shown]), html=told.value + shown.value, text=text)


def status(text: str) -> str:
    """A sentence as HTML that a screen reader speaks whenever it changes."""
    return f'<p role="status">{html.escape(text)}</p>'
