"""The widget of lesson 04, driven through real messages."""

from front import VIEW
from samples import Outline

RUNS = """
from lessons_lib.history import History
from lessons_lib.transfer import METHODS, Run
from lessons_lib.widgets.transfer import transfer_explorer

def run(method, size, seed, end):
    told = [(1, end / 2), (2, end)]
    return Run(method, size, seed, History([1.0] * 2, [0.1] * 2, told, [0.5] * 2, 64, True), end, 1000)

runs = [run(method, size, seed, 0.2 + 0.1 * place + size / 100)
        for size in (5, 50) for seed in (3, 4) for place, method in enumerate(METHODS)]
transfer_explorer(runs)
"""


def test_the_transfer_explorer_looks_finished_runs_up(front):
    bundle = front.run(RUNS)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert bundle["text/plain"].count("images a class:") == 6, "one seed of each"
    assert front.options("images a class") == ["5", "50"]
    assert front.options("method") == ["from scratch", "frozen features", "fine-tuning"]
    for size, method, told in (
        ("50", "fine-tuning", "Fine-tuning, 50 images a class: 90.0%"),
        ("50", "from scratch", "From scratch, 50 images a class: 70.0%"),
        ("5", "frozen features", "Frozen features, 5 images a class: 35.0%"),
    ):
        front.choose("images a class", size)
        front.choose("method", method)
        sentence = front.readout("transfer-readout")
        assert sentence.startswith(told)
        picture = Outline(front.of_class("transfer-picture")["value"])
        assert picture.all("img")[0]["alt"] == sentence
        assert picture.all("table")
