import pytest
from IPython.core.interactiveshell import InteractiveShell

from lessons_lib import say as module
from lessons_lib.say import say

DOLLAR = r"<span>\$</span>"


def test_in_a_terminal_the_text_is_printed_as_it_is(capsys):
    say("\nIt is **2.9x** faster.\n")
    assert capsys.readouterr().out == "It is **2.9x** faster.\n"


def test_in_a_notebook_the_text_is_markdown_with_a_plain_twin(monkeypatch):
    shown = []
    monkeypatch.setattr(module, "_in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append((data, raw)))
    say("\nIt is **2.9x** faster.\n")
    text = "It is **2.9x** faster."
    assert shown == [({"text/markdown": text, "text/plain": text}, True)]


def test_a_running_shell_counts_as_a_notebook(monkeypatch):
    assert not module._in_notebook()
    monkeypatch.setattr("IPython.get_ipython", lambda: InteractiveShell)
    assert module._in_notebook()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$1,542 a year; set for 26 it costs $7,560.", f"{DOLLAR}1,542 a year; set for 26 it costs {DOLLAR}7,560."),
        ("**$0.50** to $2", f"**{DOLLAR}0.50** to {DOLLAR}2"),
        (r"$\frac{1}{4}$, $1-\rho$ and \$5", r"$\frac{1}{4}$, $1-\rho$ and \$5"),
    ],
)
def test_amounts_of_money_are_no_formulas(text, shown):
    assert module.with_money(text) == shown
