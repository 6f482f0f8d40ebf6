"""Claims about training and inference, judged by prices that are set by hand."""

import pytest
from samples import dataset

from lessons_lib import inference_claims
from lessons_lib.inference_claims import TrainingRun
from lessons_lib.step_cost import Costs, Work
from lessons_lib.timing import Measurement, Verdict

DATA = dataset()


def work(ms: float, memory: int = 1000, macs: int = 100) -> Work:
    return Work(Measurement("", (ms / 1e3,) * 4), memory, macs)


def costs(times: float = 3.0, memory: int = 9000, width: float = 0.1) -> Costs:
    verdict = Verdict(1 / times, 1 / (times + width), 1 / (times - width))
    return Costs(64, work(30 * times, memory, 296), work(30.0), work(1.0, 100), verdict)


RUN = TrainingRun(images=6400, visits=3.0)


def test_how_long_a_model_was_trained_comes_from_its_card_or_from_the_recipe():
    shipped = inference_claims.training_run("vgg", dataset(name="road_signs"), steps=10)
    assert shipped.images == round(20_000 * shipped.visits)
    own = inference_claims.training_run("small", DATA, steps=30, batch_size=16)
    assert (own.images, own.visits) == (480, 5.0)
    assert own.seconds(costs(3.0)) == pytest.approx(480 / 64 * 0.090)


@pytest.mark.parametrize(
    ("latencies_ms", "word"),
    [
        ({"eager": 3.0, "int8": 1.2}, "holds"),
        ({"eager": 3.0, "int8": 0.4}, "holds only if"),
        ({"eager": 0.9, "int8": 0.4}, "does not hold here"),
        ({"eager": 300.0}, "does not hold here"),
    ],
)
def test_milliseconds_are_judged_by_every_engine(latencies_ms, word):
    assert inference_claims.takes_milliseconds(latencies_ms).word == word


def test_what_people_need_cannot_be_measured_here():
    found = inference_claims.delays_hurt("Here int8 makes it.", "All make it.")
    assert found.word == "cannot be tested here"
    assert inference_claims.in_bold(found).startswith("**cannot be tested here**: what a person")
    assert found.reason.endswith("samples. Here int8 makes it. All make it.")


def test_a_claim_without_figures_is_refused():
    with pytest.raises(ValueError, match="run the cell that collects them first"):
        inference_claims.takes_milliseconds({})


def test_one_step_against_one_prediction_is_not_the_whole_account():
    found = inference_claims.always_faster(costs(3.0), RUN)
    assert found.word == "holds only if"
    assert "after about 9,000 single predictions" in found.reason  # 6400 / 64 steps of 90 ms, predictions of 1 ms
    assert "3.0 (2.9 to 3.1) times as long" in found.reason


@pytest.mark.parametrize(("times", "width", "word"), [(1.01, 0.2, "cannot tell"), (0.5, 0.1, "does not hold here")])
def test_a_step_that_is_not_slower_ends_the_claim(times, width, word):
    assert inference_claims.always_faster(costs(times, width=width), RUN).word == word


@pytest.mark.parametrize(
    ("memory", "visits", "word"),
    [
        (20_000, 3.0, "holds"),
        (9000, 3.0, "holds only if"),
        (20_000, 1.0, "holds only if"),
        (200, 1.0, "does not hold here"),
        (200, 3.0, "does not hold here"),
    ],
)
def test_far_more_memory_needs_a_factor_and_more_than_one_visit(memory, visits, word):
    found = inference_claims.needs_far_more(costs(memory=memory), TrainingRun(6400, visits))
    assert found.word == word
    assert "at least 10 times" in found.reason


def test_far_more_memory_names_what_it_is_compared_with():
    reason = inference_claims.needs_far_more(costs(memory=3000), RUN).reason
    assert reason.startswith(
        "compared with predicting one image (30 times); against the same 64 images it is 3.0 times"
    )
    assert "memory alone" in inference_claims.needs_far_more(costs(memory=3000), TrainingRun(6400, 1.0)).reason
