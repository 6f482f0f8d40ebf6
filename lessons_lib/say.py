"""Prose with figures of this run in it."""


def say(text: str) -> None:
    """Show a text in Markdown: rendered in a notebook, as it is in a terminal.

    Args:
        text: Markdown; line ends around it are left out.
    """
    text = text.strip("\n")
    if not _in_notebook():
        print(text)
        return
    from IPython.display import display

    display({"text/markdown": text, "text/plain": text}, raw=True)


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None
