"""Shows a widget where there is a kernel, and a static picture of it where there is none."""

from typing import Any


def show(widget: Any, *, html: str, text: str) -> None:
    """Display a widget together with what takes its place on a web page and in a terminal.

    Args:
        widget: any ipywidget. html: shown where no widget manager is. text: for screen readers and terminals.
    """
    from IPython.display import display

    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display({"application/vnd.jupyter.widget-view+json": view, "text/html": html, "text/plain": text}, raw=True)


def have_widgets() -> bool:
    """True where ipywidgets is installed and a Jupyter front end may show it."""
    import importlib.util

    from lessons_lib.live import in_notebook

    return in_notebook() and importlib.util.find_spec("ipywidgets") is not None
