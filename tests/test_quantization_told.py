"""The sentences of lesson 06 are true of what was measured, whatever that is."""

from dataclasses import replace

import torch
from torch import nn

from lessons_lib import quantization_told as told
from lessons_lib.quantization import Mixture, Score, Trial, weight_type

COUNT = 400


def answers(right: int) -> Score:
    """A network that gets the first so many of 400 images right."""
    return Score(torch.arange(COUNT) < right, 0.1)


def trials(**accuracies: tuple[int, ...]) -> dict:
    """By scheme, the images right with 8, 4 and 2 bits."""
    schemes = {"tensor": "symmetric, per tensor", "channel": "symmetric, per channel"}
    return {
        (bits, schemes[name]): Trial(weight_type(bits, schemes[name]), answers(right), 100, {})
        for name, rights in accuracies.items()
        for bits, right in zip((8, 4, 2), rights, strict=True)
    }


MODEL = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 2))


def test_the_fewest_bits_are_those_before_answers_get_worse():
    found = trials(tensor=(390, 300, 389), channel=(389, 388, 200))
    assert told.fewest_bits(found, answers(390)) == {"symmetric, per tensor": 8, "symmetric, per channel": 4}
    sentence = told.sweep_told(found, answers(390))
    assert "symmetric, per tensor: **8 bits**; symmetric, per channel: **4 bits**" in sentence
    assert "400 test images" in sentence


def test_a_scheme_that_is_always_worse_is_named_so():
    assert "symmetric, per tensor: worse at any number of bits" in told.sweep_told(
        trials(tensor=(9, 9, 9)), answers(390)
    )
    assert told.sweep_told({}, answers(390)) == "No trial was finished: run the cell above."


def test_accuracies_are_series_for_a_picture():
    assert told.accuracies(trials(tensor=(400, 300, 200))) == {"symmetric, per tensor": {8: [100], 4: [75], 2: [50]}}


def test_best_and_worst_are_named_only_where_they_differ_beyond_chance():
    scores = {"min-max": answers(300), "entropy": answers(390)}
    assert told.best_and_worst(scores) == "**entropy** is best (97.5%) and **min-max** worst (75.0%)"
    assert "cannot be told apart" in told.best_and_worst({"min-max": answers(389), "entropy": answers(390)})


def test_harmful_sets_are_those_that_do_worse_than_the_first():
    scores = {"good": answers(390), "black": answers(300), "noise": answers(389)}
    assert told.harmful(scores).startswith("Worse than *good* are: black: -22.5 points. The others cannot")
    assert told.harmful({"good": answers(390), "noise": answers(390)}).startswith("None of the other sets did worse")


def test_the_smallest_mixture_that_is_as_good_is_found():
    mixed = [
        Mixture((), 100, answers(200)),
        Mixture(("0",), 2048, answers(388)),
        Mixture(("0", "1"), 4096, answers(390)),
    ]
    assert "keeps more bits in conv 1: 2.0 KiB, 97.0%" in told.smallest_as_good(mixed, answers(390), MODEL)
    assert "few bits everywhere" in told.smallest_as_good([Mixture((), 100, answers(390))], answers(390), MODEL)
    assert "Every mixture answers worse" in told.smallest_as_good(mixed[:1], answers(390), MODEL)
    rows = told.mixture_table(mixed, answers(390), MODEL, "mixed").rows
    assert [row["layers with more bits"] for row in rows] == ["none", "conv 1", "conv 1, linear 2"]


def test_mixing_is_compared_with_the_same_bits_everywhere():
    sweep = {key: replace(one, size_bytes=1024 * key[0]) for key, one in trials(channel=(390, 389, 200)).items()}
    mixed = [Mixture((), 1024, answers(200)), Mixture(("0",), 2048, answers(388))]
    sentence = told.mixing_told(mixed, sweep, answers(390))
    assert "4 bits everywhere, symmetric, per channel, from the sweep above: 4.0 KiB, 97.3%" in sentence
    assert sentence.endswith("here mixing buys 2.0 KiB.")
    larger = [Mixture(("0",), 4090, answers(390))]
    assert told.mixing_told(larger, sweep, answers(390)).endswith("here mixing buys nothing.")
    assert "nothing to set against" in told.mixing_told(mixed[:1], sweep, answers(390))
    assert "nothing to set against" in told.mixing_told(mixed, {}, answers(390))


def test_sets_that_did_no_harm_with_any_number_of_bits_are_named():
    eight = {"good, 8 bits": answers(390), "black, 8 bits": answers(300), "noise, 8 bits": answers(389)}
    four = {"good, 4 bits": answers(390), "black, 4 bits": answers(390), "noise, 4 bits": answers(390)}
    assert told.sufficed(eight, four).startswith("No visible harm was done here by: noise. That this sufficed is luck")
    worse = {"good, 4 bits": answers(390), "black, 4 bits": answers(390), "noise, 4 bits": answers(300)}
    assert told.sufficed(eight, worse) == "Each of the wrong sets did visible harm."


def test_tables_compare_with_float32_on_the_same_images():
    rows = told.scores_table({"4 bits": answers(300)}, answers(390), "table", "way").rows
    assert [row["accuracy"] for row in rows] == ["97.5%", "75.0%"]
    assert rows[1]["against float32, same images"].startswith("worse, -22.50 points")
    (row,) = told.sensitivity_table({"0": answers(300)}, answers(390), MODEL, "layers").rows
    assert (row["layer"], row["share of the weights"], row["loss"]) == ("conv 1", "93%", "+0.0000")
    (row,) = told.saturation_table({"8 bits": {"0": 0.01234, "1": 0.0}}, MODEL).rows
    assert row == {"weights": "8 bits", "conv 1": "1.234%", "linear 2": "0.000%"}


def test_agreement_is_told_exactly():
    x = torch.tensor([1, 2, 250], dtype=torch.uint8)
    assert told.agreement(x, x) == "all 3 numbers are the same"
    assert told.agreement(x, torch.tensor([1, 3, 0], dtype=torch.uint8)) == "2 of 3 numbers differ, by 250 at most"
