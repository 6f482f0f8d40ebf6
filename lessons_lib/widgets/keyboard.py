"""Choices that work by keyboard in JupyterLab too.

JupyterLab takes the up and down arrows and the letters for itself wherever a notebook is not being edited, so that a
drop-down list or radio buttons with the focus would move between cells, or even insert one. Buttons are safe: Tab moves
between them and the space bar presses. So are sliders, with the left and right arrows.

Source: https://github.com/jupyter-widgets/ipywidgets/issues/3912
"""

from collections.abc import Sequence
from typing import Any


def choice(description: str = "", options: Sequence[Any] = (), *, upright: bool = False) -> Any:
    """One button for each option, of which one is pressed.

    Args:
        description: stands before the buttons. options: texts, numbers, or pairs of text and value.
        upright: one option a line, for long texts; nothing is chosen at first.
    """
    import ipywidgets

    buttons = ipywidgets.ToggleButtons(options=list(options), description=description)
    buttons.style.button_width = "auto"
    buttons.style.description_width = "6em" if description else "0"
    if upright:
        buttons.value = None
        buttons.style.button_width = "24em"
        buttons.layout.width = "26em"
    return buttons
