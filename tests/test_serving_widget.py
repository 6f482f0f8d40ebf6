"""The widget of lesson 08: sliders look simulations and measurements up, and only the button measures."""

import pytest
from front import VIEW

from lessons_lib.queueing import Policy, ServiceTimes
from lessons_lib.serving import Load, Point
from lessons_lib.serving.load import Reply
from lessons_lib.widgets.serving import _Bench, describe, serving_explorer, simulated

SERVICE = ServiceTimes((1, 32), (5.0, 10.0))
SHOW = """
from lessons_lib.explained import Mistake
from lessons_lib.queueing import Policy, ServiceTimes
from lessons_lib.serving import Load, Point
from lessons_lib.serving.load import Reply
from lessons_lib.widgets.serving import serving_explorer
calls = []
def measure(policy, rate):
    calls.append((policy.max_batch, policy.max_wait_ms, rate))
    if policy.max_batch == 1:
        raise Mistake("The server does not answer; start it again.")
    if policy.max_batch == 2:
        raise KeyboardInterrupt
    load = Load(tuple(Reply(i / 100, i / 100, i / 100 + 0.077, 200) for i in range(100)), 1.0)
    return Point(str(policy), policy, rate, load, {"batches": {"8": [10, 60.0, 0.0]}})
service = ServiceTimes((1, 32), (5.0, 10.0))
serving_explorer(service, [100, 200, 400], 50.0, measure=measure)
"""


def test_a_setting_is_told_in_sentences():
    policy = Policy(8, 2.0)
    said = describe(policy, 400, simulated(SERVICE, policy, 400, 0.0), 50.0)
    assert said.startswith("400 requests a second, batches of up to 8, wait 2 ms. Simulated: p50 ")
    assert "within 50 ms, mean batch " in said
    assert said.endswith("Not measured.")


def test_above_its_limit_the_values_depend_on_how_long_the_run_lasts():
    result = simulated(SERVICE, Policy(), 400, 0.0)
    assert "above the limit of 200 a second" in describe(Policy(), 400, result, 50.0, limit=200.0)
    assert "above the limit" not in describe(Policy(), 100, result, 50.0, limit=200.0)


def test_it_opens_at_the_batches_that_were_measured():
    measured = [Point("", policy, 400, Load((Reply(0.0),), 1.0), {}) for policy in (Policy(), Policy(17, 2.6))]
    assert _Bench(SERVICE, [400], 50.0, measured, 0.0, None).policy == Policy(17, 2.6)
    assert _Bench(SERVICE, [400], 50.0, measured[:1], 0.0, None).policy == Policy(8, 2.0)


def test_more_load_and_smaller_batches_wait_longer():
    p99 = {
        key: simulated(SERVICE, Policy(*key[:2]), key[2], 0.0).percentile(99)
        for key in ((1, 0.0, 100), (1, 0.0, 400), (32, 0.0, 400))
    }
    assert p99[(1, 0.0, 100)] < p99[(1, 0.0, 400)] > p99[(32, 0.0, 400)]


def test_without_a_notebook_the_sentences_are_printed(capsys):
    serving_explorer(SERVICE, [400, 100], 50.0)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["100", "400"]


def test_without_loads_there_is_nothing_to_explore():
    with pytest.raises(ValueError, match="run the cell that measures them first"):
        serving_explorer(SERVICE, [], 50.0)


def test_sliders_look_up_and_the_button_measures(front):
    bundle = front.run(SHOW)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert front.options("requests/s") == ["100", "200", "400"]
    for load, batch, wait in (("100", "8", "2"), ("400", "1", "0"), ("400", "32", "50")):
        front.choose("requests/s", load)
        front.choose("max batch", batch)
        front.choose("wait, ms", wait)
        sentence = front.readout("serving-readout")
        name = "one by one" if batch == "1" else f"batches of up to {batch}, wait {wait} ms"
        assert sentence.startswith(f"{load} requests a second, {name}. Simulated: p50 ")
        assert sentence.endswith("Not measured.")
        assert front.image()["alt"] == sentence
    assert front.value("calls") == []
    front.press("Measure this one")
    assert front.value("calls") == [(32, 50.0, 400)]
    assert "Measured: p50 77 ms, p99 77 ms, 0.0% within 50 ms, mean batch 8.0." in front.readout("serving-readout")
    front.choose("max batch", "16")
    assert front.readout("serving-readout").endswith("Not measured.")
    front.choose("max batch", "32")
    assert "Measured: p50 77 ms" in front.readout("serving-readout")


def test_what_goes_wrong_becomes_a_sentence_and_the_button_stays_usable(front):
    front.choose("max batch", "1")
    front.press("Measure this one")
    assert front.readout("serving-readout") == "The server does not answer; start it again."
    front.choose("max batch", "2")
    front.press("Measure this one")
    assert front.readout("serving-readout").startswith("Stopped; nothing was measured.")
    assert not front.models[front.find(description="Measure this one")]["disabled"]
