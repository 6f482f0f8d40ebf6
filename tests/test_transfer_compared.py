"""Transfer: which way gets further, told at the same number of images, and with how many runs it was found."""

import pytest

from lessons_lib import transfer
from lessons_lib.history import History
from lessons_lib.transfer import Run, compared, stages

ONCE = "ran once, so the spread is not known: another seed may say otherwise."


def at(size: int, scratch: float, frozen: float, tuned: float, seeds: int = 1) -> list[Run]:
    """All ways at a number of images, with test accuracies that are the same for every seed."""
    shares = zip(transfer.METHODS, (scratch, frozen, tuned), strict=True)
    return [Run(way, size, seed, History(), share, 1000) for way, share in shares for seed in range(seeds)]


def test_the_winner_is_named_and_a_close_race_is_a_tie():
    assert transfer.winner(at(5, 0.5, 0.6, 0.8), 5) == "fine-tuning"
    assert transfer.winner(at(5, 0.5, 0.79, 0.8), 5) == "fine-tuning and frozen features, too close to tell apart"
    three = "fine-tuning, frozen features and from scratch, too close to tell apart"
    assert transfer.winner(at(5, 0.78, 0.79, 0.8), 5) == three


def test_help_and_harm_are_told_at_the_largest_size():
    runs = at(5, 0.2, 0.2, 0.2) + at(9, 0.8, 0.6, 0.81)
    assert transfer.did_it_help(runs, "clothes") == (
        "On clothes, with 9 images a class, training from scratch gets 80.0%; "
        "frozen features 60.0% (-20.0 points), so it hurts; "
        f"fine-tuning 81.0% (+1.0 points), too close to tell apart. Each way {ONCE}"
    )


def test_help_is_told_at_the_size_that_is_asked_for_with_the_number_of_runs():
    runs = at(5, 0.2, 0.5, 0.6, seeds=3) + at(9, 0.8, 0.6, 0.81)
    assert transfer.did_it_help(runs, "clothes", 5) == (
        "On clothes, with 5 images a class, training from scratch gets 20.0%; "
        "frozen features 50.0% (+30.0 points), so it helps; "
        "fine-tuning 60.0% (+40.0 points), so it helps. These are means of 3 runs."
    )


def test_a_size_without_runs_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no run with 7 images a class; there are runs with 5 and 9"):
        transfer.did_it_help(at(9, 0.8, 0.6, 0.8) + at(5, 0.8, 0.6, 0.8), "clothes", 7)


def test_two_tasks_are_compared_at_the_largest_number_of_images_that_both_have():
    near = at(5, 0.2, 0.5, 0.6) + at(50, 0.5, 0.7, 0.9, seeds=2) + at(200, 0.8, 0.7, 0.9)
    far = at(10, 0.4, 0.5, 0.6) + at(50, 0.6, 0.5, 0.7) + at(100, 0.6, 0.5, 0.7)
    assert compared.common_size(near, far) == 50
    told = transfer.near_and_far(near, "signs", far, "clothes")
    first, second = told.split("\n\n")
    assert first == transfer.did_it_help(far, "clothes", 50)
    assert first.endswith(ONCE)
    assert second == transfer.did_it_help(near, "signs", 50)
    assert second.endswith("means of 2 runs.")


def test_two_tasks_without_a_common_number_of_images_are_not_held_against_each_other():
    near, far = at(5, 0.2, 0.5, 0.6), at(10, 0.4, 0.5, 0.6) + at(20, 0.4, 0.5, 0.6)
    assert compared.common_size(near, far) is None
    first, second, caution = transfer.near_and_far(near, "signs", far, "clothes").split("\n\n")
    assert "On clothes, with 20 images a class" in first
    assert "On signs, with 5 images a class" in second
    assert caution.startswith("These are different numbers of images")


def test_single_runs_are_called_so():
    many, few, one = at(5, 0.2, 0.5, 0.6, seeds=2), at(50, 0.2, 0.5, 0.6), at(200, 0.2, 0.5, 0.6)
    assert transfer.one_run_note(many) == ""
    assert transfer.one_run_note(few + one) == f"Each way {ONCE}"
    assert transfer.one_run_note(many + one) == f"With 200 images a class each way {ONCE}"
    assert transfer.one_run_note(many + few + one) == f"With 50 and 200 images a class each way {ONCE}"


@pytest.mark.parametrize(
    ("groups", "images", "expected"),
    [
        ([[0.5, 0.6], [0.5]], 10**9, 0.05),
        ([[0.5], [0.5]], 10**9, 0.02),
        ([[0.8], [0.8]], 16, 0.2),
        ([[1.0, 1.0], [1.0, 1.0]], 12, 0.0),
    ],
)
def test_noise_is_the_spread_of_the_seeds_or_the_error_of_few_test_images(groups, images, expected):
    assert compared.noise(groups, images) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("things", "told"), [(["a"], "a"), ([1, 2], "1 and 2"), ("abc", "a, b and c")])
def test_things_are_listed_as_in_a_sentence(things, told):
    assert stages.listed(things) == told
