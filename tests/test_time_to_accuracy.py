"""Who reaches the target first, in words that are true whatever came out."""

import pytest
from samples import Outline

from lessons_lib import plots
from lessons_lib.history import History
from lessons_lib.time_to_accuracy import conclusion, rows, scaled_rate


def run(step_s: float, images: int, looks: list[tuple[int, float]]) -> History:
    steps = max((step for step, _ in looks), default=1)
    return History([1.0] * steps, [0.1] * steps, looks, [step_s] * steps, images, True)


SMALL = run(0.01, 800, [(10, 0.5), (20, 0.8), (40, 0.9)])  # 2,000 images/s, 80 % after 0.2 s
LARGE = run(0.1, 4000, [(5, 0.4), (10, 0.82)])  # 4,000 images/s, 80 % after 1 s
LOST = run(0.5, 4000, [(2, 0.3)])  # 4,000 images/s, never


def test_the_rate_grows_with_the_batch():
    assert scaled_rate(128, rate=0.1, at_batch=32) == pytest.approx(0.4)
    assert scaled_rate(16, rate=0.1, at_batch=32) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ({"small": SMALL, "large": LARGE}, "Large handles the most images a second (4,000), but small is the first to reach 80%, after 0.2 s; large gets there only after 1 s."),
        ({"small": SMALL, "lost": LOST}, "Lost handles the most images a second (4,000), but small is the first to reach 80%, after 0.2 s; lost does not get there at all."),
        ({"large": LARGE, "slow": run(1.0, 10, [(9, 0.9)])}, "Large handles the most images a second (4,000), and is also the first to reach 80%, after 1 s."),
        ({"large": LARGE, "slow": run(1.0, 10, [(9, 0.1)])}, "after 1 s. With this many images, slow did not get there at all."),
        ({"lost": LOST}, "but 80% was not reached by any of them: this budget is too short. The nearest was lost."),
        ({"stopped at once": History([2.0], [0.1], [], [0.1], 32)}, "was not reached by any of them"),
    ],
)  # fmt: skip
def test_the_conclusion_fits_the_runs(runs, told):
    assert told in conclusion(runs, 0.8)


def test_the_rows_hold_what_the_conclusion_says():
    first, second = rows({"small": SMALL, "lost": LOST}, 0.8)
    assert first == {
        "run": "small", "steps": "40", "images/s": "2,000", "time to 80%": "0.2 s", "accuracy at the end": "90.0%"
    }  # fmt: skip
    assert second["time to 80%"] == "was not reached"


@pytest.mark.parametrize(
    "runs", [{"small": SMALL, "large": LARGE, "lost": LOST}, {"empty": History([1.0], [0.1], [], [0.1], 32)}]
)
def test_the_picture_of_a_race_has_its_twins(runs):
    picture = plots.race(runs, 0.8)
    (image,) = Outline(picture._repr_html_()).all("img")
    assert image["alt"].endswith(conclusion(runs, 0.8))
    assert len(picture.table.rows) == len(runs)
