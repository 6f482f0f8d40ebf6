"""Prose with figures of this run in it."""

import re

# A dollar sign before an amount; two of them in a paragraph would be taken for the ends of a formula. JupyterLab looks for
# formulas twice: in the Markdown, where a backslash hides the sign, and in the page, where only an element of its own does.
MONEY = re.compile(r"(?<![\\$])\$(?=\d[\d,.]*(?:[\s);:!?%]|\*\*|$))")


def say(text: str) -> None:
    """Show a text in Markdown: rendered in a notebook, as it is in a terminal.

    Args:
        text: Markdown; line ends around it are left out. Amounts such as $1,000 stay amounts.
    """
    text = text.strip("\n")
    if not _in_notebook():
        print(text)
        return
    from IPython.display import display

    display({"text/markdown": with_money(text), "text/plain": text}, raw=True)


def with_money(text: str) -> str:
    """Markdown whose amounts of money are not taken for formulas."""
    return MONEY.sub(r"<span>\\$</span>", text)


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None
