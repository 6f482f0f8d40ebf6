"""The claims ledger reads what the lessons left in the record, and says so where they left nothing or nonsense."""

import math
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learner import CLAIMS_05, EVERYTHING, LESSONS_09, SERVER, effect, keep, measurement, prediction

from lessons_lib import profiles, record
from lessons_lib.checks.exercises import known
from lessons_lib.economics.assumptions import assumed
from lessons_lib.explained import Mistake
from lessons_lib.ledger import at_a_glance, ledger, ledger_table, usual_questions
from lessons_lib.ledger.claims import CLAIMS, LESSONS
from lessons_lib.ledger.earlier import READERS
from lessons_lib.ledger.events import Events
from lessons_lib.ledger.judged import WORDS, sentence, split, together
from lessons_lib.ledger.rows import moment
from lessons_lib.report.ledger_html import ledger_html

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = [
    "int8_claim",
    "pruning_claim",
    "batching_claim",
    "transfer_saves",
    "regularisation",
    "data_quality",
    "training_memory",
    "inference_faster",
    "delay_hurts",
    "same_hardware",
    "budget_shares",
    "half_million",
    "ten_ms_or_20_percent",
    "drift_decays",
    "versions_roll_out",
    "cannot_skip_training",
    "inference_share",
    "gpu_prices",
    "retraining_rhythm",
]


def row(key, events):
    return next(one for one in ledger(Events(events)) if one.key == key)


def test_the_claims_are_those_of_the_course_in_their_order():
    assert [claim.key for claim in CLAIMS] == CONTRACT
    assert set(READERS) <= set(CONTRACT)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_each_link_leads_to_a_heading_of_its_lesson(claim):
    source = ROOT / f"lessons/{LESSONS[claim.lesson]}.py"
    assert re.search(rf"^# #+ {re.escape(claim.heading)}$", source.read_text(encoding="utf-8"), re.MULTILINE)
    assert claim.link.startswith(f"notebooks/{source.stem}.ipynb#")
    assert " " not in claim.link


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_each_prediction_is_asked_for_by_a_lesson(claim):
    for name in claim.predictions:
        source = ROOT / f"lessons/{LESSONS[name[:2]]}.py"
        assert f'predict("{name}"' in source.read_text(encoding="utf-8")


def test_without_a_record_every_row_says_which_lesson_to_run():
    rows = ledger()
    assert [one.word for one in rows] == [f"not measured yet: run lesson {claim.lesson}" for claim in CLAIMS]
    assert all((one.prediction, one.measured, one.is_measured) == ("no prediction", "", False) for one in rows)


def test_a_learner_who_ran_everything_has_a_full_ledger():
    rows = ledger(Events(EVERYTHING))
    assert all(one.word in WORDS for one in rows)
    assert all(one.measured.endswith(".") and one.day == "2026-09-21" and one.machine for one in rows)


@pytest.mark.parametrize(
    ("key", "word", "figures"),
    [
        ("int8_claim", "holds only if", "It holds if the batch is 1, of those measured; about a quarter of the memory: holds: 3.74"),
        ("pruning_claim", "holds only if", "It holds of channels taken out alone; weights set to zero: does not hold here"),
        ("batching_claim", "holds only if", "It holds if something other than arithmetic rules: thin 4.8x"),
        ("transfer_saves", "holds only if", "fine-tuning: does not hold here: at best 85%"),
        ("regularisation", "holds only if", "It holds of augmentation and weight decay; on new images, augmentation: helped, +3.1"),
        ("data_quality", "holds", "40 % wrong labels, accuracy on new images: -12.5 points, -15.0 to -10.0 (hurt)."),
        ("training_memory", "holds only if", "It holds if compared with predicting one image (30 times)"),
        ("inference_faster", "does not hold here", "eager 939 µs"),
        ("delay_hurts", "cannot be tested here", "100 ms are kept by 12 of 12 configurations"),
        ("same_hardware", "cannot be tested here", "Its half about inference holds for this network: int8 answers 19 of 20"),
        ("cannot_skip_training", "holds", "Less training time by 94% at 5 images a class, 41% at 200 images a class"),
    ],
)  # fmt: skip
def test_what_earlier_lessons_left_becomes_a_verdict_with_its_figures(key, word, figures):
    found = row(key, LESSONS_09)
    assert found.word == word
    assert figures in found.measured


def test_a_row_names_the_last_prediction_with_its_question():
    assert row("transfer_saves", EVERYTHING).prediction.endswith("at equal accuracy? “90 % or more”")


def test_a_measurement_keeps_its_machine_and_data_set():
    found = row("same_hardware", EVERYTHING)
    assert (found.machine, found.dataset) == (SERVER, "")
    assert row("transfer_saves", EVERYTHING).dataset == "new_signs"


def test_the_last_measurement_counts_and_a_lesson_that_judges_by_itself_has_the_last_word():
    again = measurement("08.batching", claim="does not hold here: vgg 1.0x (arithmetic rules at batch 1)")
    assert row("batching_claim", [*LESSONS_09, again]).word == "does not hold here"
    own = measurement("08.batching", claims={"batching_claim": {"word": "holds", "said": "wide gains **4.6x**"}})
    found = row("batching_claim", [*LESSONS_09, again, own])
    assert (found.word, found.measured) == ("holds", "Wide gains 4.6x.")


def test_a_condition_is_told_as_one():
    given = {"word": "holds only if", "said": "You watch the right signals: 5 of 6 ring."}
    assert row("drift_decays", [measurement("11.drift", claims={"drift_decays": given})]).measured == (
        "It holds if you watch the right signals: 5 of 6 ring."
    )
    given = {"word": "holds only if", "said": "ONNX Runtime is used"}
    assert row("drift_decays", [measurement("11.drift", claims={"drift_decays": given})]).measured == (
        "It holds if ONNX Runtime is used."
    )


@pytest.mark.parametrize(
    ("kinds", "word"),
    [
        (("holds", "holds"), "holds"),
        (("holds", "does not hold here"), "holds only if"),
        (("does not hold here", "does not hold here"), "does not hold here"),
        (("cannot tell", "does not hold here"), "does not hold here"),
        (("cannot tell", "cannot tell"), "cannot be tested here"),
        (("cannot tell", "holds"), "holds only if"),
    ],
)
def test_pruning_holds_only_if_one_of_its_kinds_alone_does(kinds, word):
    verdicts = {name: {"word": kind, "reason": "r"} for name, kind in zip(("zeros", "channels"), kinds, strict=True)}
    assert row("pruning_claim", [measurement("07.pruning", verdicts=verdicts)]).word == word


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("helped", "helped", "helped"), "holds"),
        (("helped", "hurt", "cannot tell"), "holds only if"),
        (("hurt", "cannot tell", "cannot tell"), "does not hold here"),
        (("cannot tell", "cannot tell", "cannot tell"), "cannot be tested here"),
    ],
)
def test_remedies_hold_together_or_by_name(words, expected):
    names = ("augmentation", "dropout 0.5", "weight decay 0.01")
    events = [effect(name, word, "+1.0 points") for name, word in zip(names, words, strict=True)]
    assert row("regularisation", events).word == expected


def test_the_gap_is_told_where_lesson_03_kept_it():
    gaps = measurement("03.gaps", points={"nothing": 21.0, "augmentation": 9.5})
    assert "21.0 points without, 9.5 with augmentation" in row("regularisation", [*LESSONS_09, gaps]).measured


@pytest.mark.parametrize(
    ("saved", "word"),
    [
        ({"a": {"5": [0.5], "20": [0.2]}, "b": {"5": [0.0], "20": [0.0]}}, "holds"),
        ({"a": {"5": [0.5], "20": [-0.2]}}, "holds only if"),
        ({"a": {"5": [0.0], "20": [-0.2]}}, "does not hold here"),
    ],
)
def test_a_trained_network_shortens_training_at_every_size_at_some_or_at_none(saved, word):
    event = measurement("04.transfer", saved=saved, verdicts={}, pretraining_seconds=20.0)
    assert row("cannot_skip_training", [event]).word == word


def test_training_that_took_longer_is_not_told_as_nothing_saved():
    event = measurement("04.transfer", saved={"a": {"20": [-0.2]}}, verdicts={}, pretraining_seconds=20.0)
    assert "by -20% at 20 images a class" in row("cannot_skip_training", [event]).measured


@pytest.mark.parametrize("key", READERS)
@pytest.mark.parametrize(
    "odd", [None, 7, "text", [], {}, {"zeros": 1, "devices": None, "deadlines": 5}, [[1]]], ids=repr
)
def test_odd_fields_become_a_row_that_says_to_measure_again(key, odd):
    names = ("03.effect", "04.transfer", "05.inference", "06.int8", "07.pruning", "08.batching", "09.claims")
    fields = ("verdict", "verdicts", "parts", "claim", "claims", "saved", "word", "figures", "points")
    events = [
        measurement(name, change=c, **dict.fromkeys(fields, odd))
        for name in names
        for c in ("augmentation", "40 % wrong labels")
    ]
    found = row(key, events)
    assert found.word in WORDS or found.word == f"not measured yet: run lesson {found.lesson}"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda x: st.lists(x) | st.dictionaries(st.text(max_size=3), x), max_leaves=6
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["name", "claims", "verdicts", "time", "dataset", "costs", "rows"]), JSON),
        max_size=4,
    )
)
def test_no_record_makes_the_ledger_fail(events):
    found = Events([{"kind": "measurement", "name": "05.inference", **event} for event in events])
    assert len(ledger(found)) == len(CONTRACT)
    assert len(usual_questions(found).all) == 5
    assert len(at_a_glance(found).rows) == 8


def test_numbers_that_are_not_finite_are_never_quoted():
    costs = {"batch": 64, "times_as_long": math.nan, "one": {"median_ms": math.inf, "memory_bytes": math.nan}}
    events = Events([measurement("05.inference", costs=costs, claims=CLAIMS_05, latencies={"a": {"p50_ms": math.nan}})])
    shown = repr(usual_questions(events)) + repr(at_a_glance(events))
    assert not re.search(r"\b(nan|inf)\b", shown)


def test_each_usual_question_has_three_sentences_with_figures_and_without():
    for events in ([], EVERYTHING):
        for one in usual_questions(Events(events)).all:
            assert all(text.count(". ") == 0 and text.endswith(".") for text in one.sentences), one.sentences
    told = repr(usual_questions(Events(EVERYTHING)))
    for figure in (
        "1.56 ms for one image in PyTorch and 116 µs in ONNX Runtime int8",
        "3.3 times as long",
        "about 46,000 single",
        "1,845 images a second on the CPU",
    ):
        assert figure in told


def test_training_and_inference_stand_side_by_side_with_what_was_measured():
    rows = {one["aspect"]: one for one in at_a_glance(Events(EVERYTHING)).rows}
    assert list(rows) == ["purpose", "phase", "updates", "frequency", "time", "memory", "hardware", "cost"]
    assert "76.9 ms for a step of 64 images" in rows["time"]["training"]
    assert "1.88 MiB for one image, 17.6 MiB for 64" in rows["memory"]["inference"]
    assert "200 updates in lesson 01, to 95.5%" in rows["updates"]["training"]
    assert "int8 on ONNX Runtime int8, the CPU: 130 µs" in rows["hardware"]["inference"], (
        "the fastest that keeps its accuracy"
    )
    assert "here $0.152 before launch" in rows["cost"]["training"]
    assert "here $19.20 a million predictions at your traffic" in rows["cost"]["inference"]
    assert "not measured yet: run lesson 05" in at_a_glance(Events([])).rows[4]["training"]


def test_the_table_links_to_the_cells_and_escapes_what_it_shows():
    bad = prediction("04.saved", "<b>How?</b>", "<script>")
    table = ledger_table(ledger(Events([*LESSONS_09, bad])))
    shown = table._repr_html_()
    assert '<a href="06_quantization.ipynb#The-real-engine">06_quantization</a>' in shown
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert shown.count("<tr>") == 1 + len(CLAIMS)


def test_the_table_is_readable_in_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = repr(ledger_table(ledger(Events(EVERYTHING))))
    assert text.startswith("The claims ledger: 19 of 19 claims measured\n\n32-bit to 8-bit")
    assert max(map(len, text.splitlines())) < 60
    assert "You predicted: How much faster is the network" in text


SHOWN = {"kind": "result shown", "name": "07.zeros"}


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (["a"], "How? “a”"),
        (["a", "b"], "How? “b”"),
        (["a", "b", SHOWN], "How? “b”"),
        (["a", SHOWN, "b", "c"], "How? “a” (changed to “c” after the result)"),
        (["a", SHOWN, "b", "a"], "How? “a”"),
        (["a", {"kind": "result shown", "name": "07.channels"}, "b"], "How? “b”"),
        ([SHOWN, "a"], "How? “a” (given after the result)"),
        ([SHOWN, "a", SHOWN, "b"], "How? “b” (given after the result)"),
        ([SHOWN], "no prediction"),
    ],
)
def test_the_prediction_that_counts_is_the_last_one_before_its_result(events, told):
    given = [prediction("07.zeros", "How?", one) if isinstance(one, str) else one for one in events]
    assert Events(given).predicted(["07.zeros"]) == told
    assert {row.key: row for row in ledger(Events(given))}["pruning_claim"].prediction == told


def test_reading_a_prediction_beside_its_result_is_what_fixes_it(learners_home):
    from lessons_lib.widgets.predict import predict, predicted

    predict("07.zeros", "How?", ["a", "b"], answer="a")
    predict("07.zeros", "How?", ["a", "b"], answer="b")
    assert predicted("07.zeros") == "b"
    predict("07.zeros", "How?", ["a", "b"], answer="a")
    assert Events().predicted(["07.zeros"]) == "How? “b” (changed to “a” after the result)"


def test_a_row_says_which_inputs_were_the_learner_s_own():
    inputs = assumed().changed(retraining_runs=3).as_dict()
    event = measurement("10.costs", inputs=inputs, claims={"gpu_prices": {"word": "holds", "said": "so"}})
    rows = {row.key: row for row in ledger(Events([event]))}
    assert rows["gpu_prices"].measured == "So. With your own inputs: retraining_runs."
    event["inputs"] = assumed().as_dict()
    rows = {row.key: row for row in ledger(Events([event]))}
    assert rows["gpu_prices"].measured == "So."
    event["inputs"] = [1, "odd"]
    assert {row.key: row for row in ledger(Events([event]))}["gpu_prices"].measured == "So."


def test_a_condition_is_told_once_in_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    given = {"word": "holds only if", "said": "you watch the right signals: 5 of 6 ring."}
    text = repr(ledger_table(ledger(Events([measurement("11.drift", claims={"drift_decays": given})]))))
    assert "holds only if you watch the right signals: 5 of 6 ring. (11_production)" in " ".join(text.split())
    assert "It holds if" not in text


def test_an_input_that_was_changed_has_the_source_that_the_ledger_looks_for():
    assert assumed().changed(retraining_runs=3)["retraining_runs"].source == record.CHANGED


def test_damaged_lines_are_counted_and_passed_over(learners_home):
    path = keep(EVERYTHING, learners_home)
    with open(path, "ab") as file:
        file.write(b'{"kind": "measurement", "na\n\xff\xfe\n[1, 2]\n\n' + b"[" * 100_000 + b"\n")
    found, damaged = record.read()
    assert (len(found), damaged) == (len(EVERYTHING), 4)
    assert len(record.events("prediction")) == 4


def test_a_measurement_gets_the_label_of_the_machine_and_nothing_about_its_owner(monkeypatch):
    import getpass
    import platform

    record.append("measurement", name="01.accuracy")
    record.append("prediction", name="01.accuracy")
    measured, predicted = record.events()
    assert re.search(r"\d+(\.\d+)? of \d+ cores, \d+ GiB, ", measured["machine"])
    assert "machine" not in predicted
    for private in (platform.node(), getpass.getuser(), str(Path.home())):
        assert private not in measured["machine"].split(", ")


def batching(claim, **fields):
    return measurement("08.batching", claim=claim, **fields)


QUICK, SMOKE = batching("holds: quick", profile="quick"), batching("does not hold here: smoke", profile="smoke")
FULL, OLD = batching("holds only if: full", profile="full"), batching("cannot tell: old")


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([QUICK, SMOKE], "Quick."),
        ([SMOKE, QUICK], "Quick."),
        ([SMOKE], "Smoke."),
        ([FULL, QUICK, SMOKE], "It holds if full."),
        ([OLD, SMOKE], "Old."),
        ([OLD, QUICK], "Quick."),
        ([QUICK, OLD], "Old."),
        ([FULL, OLD], "It holds if full."),
        ([QUICK, batching("holds: later", profile="quick")], "Later."),
        *[([QUICK, batching("holds: odd", profile=odd), SMOKE], "Odd.") for odd in (None, 3, ["full"], {}, "Full")],
    ],
)
def test_the_fullest_profile_counts_and_of_equals_the_last(events, said):
    assert row("batching_claim", events).measured == said


def test_a_smoke_run_takes_back_neither_an_effect_nor_a_verdict_that_a_lesson_gave():
    quick = [effect("40 % wrong labels", "hurt", "-12.5 points") | {"profile": "quick"}]
    smoke = [effect("40 % wrong labels", "helped", "+1 point") | {"profile": "smoke"}]
    assert row("data_quality", quick + smoke).word == "holds"
    assert row("data_quality", smoke).word == "does not hold here"

    def given(word, profile):
        return measurement("11.drift", profile=profile, claims={"drift_decays": {"word": word, "said": "so"}})

    assert row("drift_decays", [given("holds", "full"), given("does not hold here", "smoke")]).word == "holds"
    nonsense = given("perhaps", "full")
    assert row("drift_decays", [given("holds", "quick"), nonsense]).word == "holds"


def test_a_row_that_only_a_smoke_run_measured_says_so_and_others_do_not():
    note = "Only a smoke run, which looks at too little to judge by."
    found = row("batching_claim", [SMOKE])
    assert found.profile == "smoke"
    assert note in repr(ledger_table([found])).replace("\n    ", " ")
    assert note in ledger_html([asdict(found)], lambda link: None)
    for events in ([QUICK], [OLD], [SMOKE, QUICK]):
        shown = row("batching_claim", events)
        assert note not in repr(ledger_table([shown])).replace("\n    ", " ")
        assert note not in ledger_html([asdict(shown)], lambda link: None)
    drift = measurement("11.drift", profile="smoke", claims={"retraining_rhythm": {"word": "holds", "said": "so"}})
    told = [one.text for one in usual_questions(Events([drift])).all if "retrained?" in one.question]
    assert "Your ledger says (from a smoke run) of" in told[0]


def test_a_measurement_gets_the_profile_that_was_chosen_last(monkeypatch):
    monkeypatch.setattr(profiles, "_chosen", [])
    record.append("measurement", name="01.accuracy")
    profiles.choose("smoke", smoke=1, quick=2, full=3)
    profiles.choose("full", smoke=1, quick=2, full=3)
    with pytest.raises(Mistake):
        profiles.choose("fast", smoke=1, quick=2, full=3)
    record.append("measurement", name="01.accuracy")
    record.append("prediction", name="01.accuracy")
    record.append("measurement", name="01.accuracy", profile="quick")
    assert [event.get("profile") for event in record.events()] == [None, "full", None, "quick"]
    assert record.fullest(record.events("measurement"))["profile"] == "full"
    assert record.fullest([]) is None


def test_verdicts_are_split_into_word_and_reason():
    assert split("holds only if the batch is 1") == ("holds only if", "the batch is 1")
    assert split("cannot tell: the noise") == ("cannot be tested here", "the noise")
    with pytest.raises(ValueError, match="begins with none of the verdicts"):
        split("maybe")
    assert together("holds", "holds only if", "cannot be tested here") == "cannot be tested here"
    assert sentence("**int8** is  faster") == "int8 is faster."


@pytest.mark.parametrize("time", [None, "noon", math.nan, math.inf, 1e300, -1e300, True, []])
def test_a_time_that_is_none_is_empty(time):
    assert moment(time) == ""


def test_every_lesson_of_the_exercises_has_a_name():
    assert {name[:2] for name in known()} <= set(LESSONS)
