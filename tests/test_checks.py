import itertools
import json
import random
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch
from torch.nn import functional

import lessons_lib.checks as checks
from lessons_lib import record
from lessons_lib.checks import check, hint, limits, progress, sandbox, solution
from lessons_lib.checks.describe import shorten
from lessons_lib.checks.exercises import known
from lessons_lib.checks.outcomes import NotYet, Raised
from lessons_lib.checks.same import same
from lessons_lib.checks.verdict import COLOURS, Card, Verdict


@pytest.fixture(autouse=True)
def learner(tmp_path, monkeypatch):
    """A folder of the learner's that is empty, and a short time limit."""
    monkeypatch.setenv("LESSONS_HOME", str(tmp_path))
    monkeypatch.setattr(sandbox, "TIME_LIMIT_S", 0.3)


@pytest.fixture
def unhurried(monkeypatch):
    monkeypatch.setattr(sandbox, "TIME_LIMIT_S", 20.0)


def right(logits, labels):
    return functional.cross_entropy(logits, labels)


def loops(logits, labels):
    while True:
        pass


def sleeps(logits, labels):
    time.sleep(60)


def ignores_exceptions(logits, labels):
    while True:
        try:  # noqa: SIM105
            time.sleep(0.01)
        except Exception:
            pass


def ignores_everything(logits, labels):
    while True:
        try:  # noqa: SIM105
            time.sleep(0.01)
        except BaseException:
            pass


def turns_the_alarm_into_an_error(logits, labels):
    try:
        loops(logits, labels)
    except BaseException as error:
        raise ValueError("something") from error


def prints_for_ever(logits, labels):
    while True:
        print("x" * 1000)


def warns_for_ever(logits, labels):
    for number in itertools.count():
        warnings.warn(f"number {number}", stacklevel=1)


ENDLESS = [
    loops,
    ignores_exceptions,
    ignores_everything,
    turns_the_alarm_into_an_error,
    prints_for_ever,
    warns_for_ever,
]


@pytest.mark.parametrize(
    "answer", [*ENDLESS, pytest.param(sleeps, marks=pytest.mark.skipif(sys.platform == "win32", reason="no alarm"))]
)
def test_code_that_never_ends_is_stopped(answer):
    verdict = check("01.1", answer)
    assert verdict.word == "stopped"
    assert "ran longer than 0.3 s" in repr(verdict)
    assert not verdict
    assert record.latest("attempt", "01.1")["verdict"] == "stopped"


@pytest.mark.parametrize("answer", ENDLESS)
def test_code_that_never_ends_is_stopped_where_there_is_no_alarm_signal(answer, monkeypatch):
    monkeypatch.setattr(sandbox, "time_limit", limits.ThreadLimit)
    assert check("01.1", answer).word == "stopped"
    assert check("01.1", right).word in {"passed", "stopped"}  # 0.3 s may be short on a busy machine


def test_checks_work_in_another_thread():
    words = []

    def attempt():
        words.extend(check("01.1", answer).word for answer in (loops, None))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join(timeout=30)
    assert words == ["stopped", "not yet"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarm signal here")
def test_the_alarm_of_somebody_else_still_rings_afterwards():
    heard = []
    before = signal.signal(signal.SIGALRM, lambda *_: heard.append("theirs"))
    old = signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        check("01.1", loops)
        assert not heard
        deadline = time.monotonic() + 20
        while not heard and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *old)
        signal.signal(signal.SIGALRM, before)
    assert heard == ["theirs"]


@pytest.mark.parametrize("limit", [limits.time_limit, limits.ThreadLimit])
def test_nothing_rings_and_nothing_is_traced_after_a_check(limit, monkeypatch):
    monkeypatch.setattr(sandbox, "time_limit", limit)
    before = sys.gettrace(), threading.enumerate()
    check("01.1", ignores_everything)
    time.sleep(0.3)
    assert (sys.gettrace(), threading.enumerate()) == before


def test_an_interrupt_of_the_learner_goes_through():
    def interrupted(logits, labels):
        raise KeyboardInterrupt

    threads = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        check("01.1", interrupted)
    assert torch.get_num_threads() == threads
    assert sys.stdout is not None


def recurses(logits, labels):
    return recurses(logits, labels)


def leaves(logits, labels):
    sys.exit(3)


def misspells(logits, labels):
    return logitz.mean()  # noqa: F821


def divides(logits, labels):
    return 1 / 0


def multiplies_wrong_shapes(logits, labels):
    return logits @ logits


def indexes_past_the_end(logits, labels):
    return logits[:, 99]


def runs_out_of_memory(logits, labels):
    raise MemoryError


def asks_torch_for_too_much(logits, labels):
    return torch.empty(2**60)


def fails_inside_a_library(logits, labels):
    return json.loads("<b>")


def raises_a_base_exception(logits, labels):
    raise GeneratorExit("odd")


class BadRepr:
    def __repr__(self):
        raise ValueError

    __str__ = __repr__


def raises_an_error_without_words(logits, labels):
    raise ValueError(BadRepr())


@pytest.mark.parametrize(
    ("answer", "phrases"),
    [
        (recurses, ["RecursionError", "calls itself", "`return recurses(logits, labels)`"]),
        (leaves, ["SystemExit", "hand the result over with `return`", "`sys.exit(3)`"]),
        (misspells, ["NameError", "logitz", "spelled"]),
        (divides, ["ZeroDivisionError", "`return 1 / 0`", "file test_checks.py"]),
        (multiplies_wrong_shapes, ["RuntimeError", "`.shape`", "`return logits @ logits`"]),
        (indexes_past_the_end, ["IndexError", "print the length"]),
        (runs_out_of_memory, ["MemoryError", "more memory than there is"]),
        (asks_torch_for_too_much, ["RuntimeError"]),
        (fails_inside_a_library, ["JSONDecodeError", '`return json.loads("<b>")`']),
        (raises_a_base_exception, ["GeneratorExit: odd"]),
        (raises_an_error_without_words, ["ValueError"]),
    ],
)
def test_an_error_names_the_line_and_what_to_look_at(answer, phrases, unhurried):
    verdict = check("01.1", answer)
    assert verdict.word == "error"
    assert [phrase for phrase in phrases if phrase not in repr(verdict)] == []
    assert f"Line {answer.__code__.co_firstlineno + 1} of" in repr(verdict)
    assert "Traceback" not in repr(verdict)
    assert "`labels` =" in repr(verdict), "the arguments of the failing call are shown"


def test_an_error_in_a_cell_names_the_line_of_the_cell(unhurried):
    learner: dict = {}
    exec(compile("def f(a, b):\n    x = 1\n    return x / 0\n", "<cell>", "exec"), learner)
    assert "Line 3 of your cell raised `ZeroDivisionError" in repr(check("01.1", learner["f"]))


def test_a_fault_of_the_check_itself_is_not_blamed_on_the_learner(monkeypatch):
    broken = known()["01.1"].__class__("01.1", "", ("h",), "", lambda answer: 1 / 0)
    monkeypatch.setitem(known(), "01.1", broken)
    assert "The check itself failed" in repr(check("01.1", right))


def stub(logits, labels):
    raise NotImplementedError


def stub_with_words(logits, labels):
    raise NotImplementedError("later")


def other_not_implemented(logits, labels):
    return torch.empty(2, dtype=torch.complex64).floor()


@pytest.mark.parametrize("answer", [stub, stub_with_words, ...])
def test_a_stub_is_not_attempted_and_not_recorded(answer):
    verdict = check("01.1", answer)
    assert verdict.word == "not attempted"
    assert not verdict
    assert record.events() == []


def test_no_answer_at_all_is_not_attempted():
    assert check("01.1").word == "not attempted"


def test_an_operation_that_torch_lacks_is_an_error_and_no_stub(unhurried):
    assert check("01.1", other_not_implemented).word == "error"


@pytest.mark.parametrize("name", ["99.1", 1.1, None, right, "", "<b>", []])
def test_an_unknown_exercise_gets_the_list_of_those_that_exist(name):
    for card in (check(name, right), hint(name), solution(name)):
        assert ", ".join(known()) in repr(card)
        assert "<b>" not in card._repr_html_()
    assert record.events() == []


def generates(logits, labels):
    yield 1


async def awaits(logits, labels):
    return 1


@pytest.mark.parametrize(
    ("answer", "phrase"),
    [
        (lambda logits, labels: None, "is None; expected a tensor of shape ()"),
        (lambda logits, labels: right(logits, labels).item(), "Leave out `.item()`"),
        (lambda logits, labels: right(logits, labels).numpy(), "numpy array"),
        (lambda logits, labels: right(logits, labels).double(), "`.to(torch.float32)`"),
        (lambda logits, labels: right(logits, labels).reshape(1), "has the shape (1,); expected ()"),
        (lambda logits, labels: right(logits, labels) * float("nan"), "holds NaN or inf"),
        (lambda logits, labels: right(logits, labels) * float("inf"), "holds NaN or inf"),
        (lambda logits, labels: "loss", "the str 'loss'"),
        (lambda logits, labels: torch.nn.Linear, "the function or class `Linear`"),
        (lambda logits, labels: BadRepr(), "an object of type BadRepr"),
        (generates, "write `return`, not `yield`"),
        (awaits, "write `def`, not `async def`"),
        (lambda logits: 0, "should take 2 arguments (logits, labels)"),
        (lambda a, b, c: 0, "should take 2 arguments (logits, labels)"),
        (torch.ones(2), "Pass the function itself"),
        (3, "A function is needed here; you gave the int 3"),
        (None, "A function is needed here; you gave None"),
        (BadRepr(), "A function is needed here"),
        (lambda logits, labels: logits.zero_().sum(), "The argument `logits` was changed in place"),
        (lambda logits, labels: labels.resize_(1), "The argument `labels` was changed in place"),
    ],
)
def test_a_result_of_the_wrong_kind_gets_a_sentence_that_helps(answer, phrase, unhurried):
    verdict = check("01.1", answer)
    assert verdict.word == "not yet"
    assert phrase in repr(verdict)
    assert 'hint("01.1")' in repr(verdict)


def test_a_result_that_carries_gradients_is_as_good(unhurried):
    scale = torch.ones((), requires_grad=True)
    assert check("01.1", lambda logits, labels: right(logits, labels) * scale).word == "passed"


def test_other_names_defaults_and_callable_objects_are_accepted(unhurried):
    class Loss:
        def __call__(self, x, y, *, reduction="mean"):
            return functional.cross_entropy(x, y, reduction=reduction)

    assert check("01.1", Loss())
    assert check("01.1", torch.nn.CrossEntropyLoss())


@pytest.mark.parametrize(
    ("got", "want", "phrase"),
    [
        (
            torch.tensor([1.0, 2.0]),
            torch.tensor([1.0, 3.0]),
            "1 of 2 values differ; the first is at [1]: yours 2, expected 3",
        ),
        (torch.tensor([1.0, float("nan")]), torch.tensor([1.0, 3.0]), "NaN"),
        ([1, 2], torch.tensor([1, 2]), "`torch.stack`"),
        ([1], [1, 2], "should hold 2 entries; yours holds 1"),
        ([1, 3], [1, 2], "it[1] is 3; expected 2"),
        (map(int, []), [1], "`list(...)`"),
        (True, 1, "should be of type int"),
        (1.0, 1, "should be of type int"),
        (float("nan"), 1.0, "NaN"),
        (float("inf"), 1.0, "is inf; expected 1"),
        (torch.tensor(0.5), 0.5, "`.item()`"),
        ("0.5", 0.5, "should be of type float"),
        ("a", "b", "is the str 'a'; expected the str 'b'"),
        (3, None, "is the int 3; expected None"),
        (torch.zeros(2, dtype=torch.complex64), torch.zeros(2), "dtype"),
    ],
)
def test_a_comparison_says_how_two_values_differ(got, want, phrase):
    with pytest.raises(NotYet) as caught:
        same(got, want, "it")
    assert phrase in caught.value.message


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (0.1 + 0.2, 0.3),
        (1, 1.0),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        ((1, 2), [1, 2]),
        (None, None),
        (torch.tensor([float("inf"), 1.0]), torch.tensor([float("inf"), 1.0])),
        (torch.zeros(0), torch.zeros(0)),
    ],
)
def test_equal_values_of_neighbouring_kinds_are_the_same(got, want):
    same(got, want, mistakes={"a mistake that gives the right value is none": want})


@pytest.mark.parametrize(
    ("harm", "phrase"),
    [
        (lambda model: model.eval(), "was left in evaluation mode"),
        (lambda model: torch.nn.init.zeros_(model[0].weight), "has other weights"),
        (lambda model: model(torch.randn(4, 3)), "has other weights or statistics"),
    ],
)
def test_a_model_must_come_back_as_it_was(harm, phrase):
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    with pytest.raises(NotYet) as caught:
        sandbox.call(harm, {"model": model})
    assert phrase in caught.value.message
    assert model.training, "only a copy was touched"


@pytest.mark.parametrize(
    "harm", [lambda rows: rows[0].update(a=2), lambda rows: rows.pop(), lambda rows: rows[0].pop("a")]
)
def test_lists_and_dicts_must_come_back_as_they_were(harm):
    with pytest.raises(NotYet, match="argument `rows`"):
        sandbox.call(harm, {"rows": [{"a": 1}]})


def test_nan_in_an_argument_is_no_change():
    assert sandbox.call(lambda x: 1, {"x": torch.tensor([float("nan")])}) == 1


def test_seeds_dtype_gradient_mode_and_threads_are_put_back(unhurried):
    def meddles(logits, labels):
        torch.manual_seed(1), random.seed(1), np.random.seed(1)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.set_num_threads(1 if threads > 1 else 2)
        return right(logits, labels)

    threads = torch.get_num_threads()
    torch.manual_seed(7), random.seed(7), np.random.seed(7)
    wanted = torch.rand(1), random.random(), np.random.rand()
    torch.manual_seed(7), random.seed(7), np.random.seed(7)
    assert check("01.1", meddles)
    assert (torch.rand(1), random.random(), np.random.rand()) == wanted
    assert torch.get_default_dtype() is torch.float32
    assert torch.is_grad_enabled()
    assert torch.get_num_threads() == threads


def test_a_check_gives_the_same_verdict_whatever_modes_the_notebook_is_in(unhurried):
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            assert check("01.1", right)
            assert not torch.is_grad_enabled()
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_what_the_code_prints_and_warns_is_shown_escaped_below_the_verdict(unhurried, capsys):
    def talks(logits, labels):
        print("<script>", logits.shape)
        print("to stderr", file=sys.stderr)
        warnings.warn("careful", stacklevel=1)
        return right(logits, labels)

    verdict = check("01.1", talks)
    assert verdict
    for phrase in ("Your code printed:", "<script> torch.Size([6, 4])", "to stderr", "UserWarning: careful"):
        assert phrase in repr(verdict)
    assert "<script>" not in verdict._repr_html_()
    assert "&lt;script&gt;" in verdict._repr_html_()
    assert capsys.readouterr() == ("", "")


def test_printing_without_end_keeps_little_and_says_that_it_was_cut():
    verdict = check("01.1", prints_for_ever)
    assert "... cut here: your code printed" in repr(verdict)
    assert len(repr(verdict)) < 6_000


def test_hints_go_one_level_further_each_time_and_stay_at_the_last():
    count = len(known()["01.1"].hints)
    texts = [repr(hint("01.1")) for _ in range(count + 2)]
    assert [f"{min(level, count)} of {count}:" in text for level, text in enumerate(texts, 1)] == [True] * (count + 2)
    assert 'solution("01.1")' in texts[-1]
    assert 'solution("01.1")' not in texts[0]


def test_hints_go_on_after_a_restart():
    record.append("hint", name="01.1")
    record.append("hint", name="01.2")
    assert "2 of" in repr(hint("01.1"))


def test_hints_and_solutions_work_where_the_record_cannot_be_written(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("LESSONS_HOME", str(blocked / "home"))
    monkeypatch.setattr("lessons_lib.checks.history._UNWRITTEN", [])
    assert "1 of" in repr(hint("01.2"))
    assert "2 of" in repr(hint("01.2"))
    check("01.2", 3)
    assert solution("01.2").word == "solution"


def test_a_solution_is_shown_only_after_an_attempt():
    assert "Try it first" in repr(solution("01.1"))
    check("01.1", stub)
    assert "Try it first" in repr(solution("01.1"))
    check("01.1", 3)
    assert "logsumexp" in repr(solution("01.1"))
    assert [event["kind"] for event in record.events()] == ["attempt", "solution"]


@pytest.mark.parametrize("content", [None, "{}", "not JSON"])
def test_without_a_file_of_solutions_a_sentence_says_how_to_get_it(content, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "SOLUTIONS", tmp_path / "solutions.json")
    if content is not None:
        checks.SOLUTIONS.write_text(content)
    check("01.1", 3)
    assert "tools/build.py" in repr(solution("01.1"))


def test_progress_shows_the_best_verdict_attempts_and_hints(unhurried):
    check("01.1", 3), check("01.1", right), check("01.1", 3), check("01.2", 3)
    hint("01.2"), solution("01.2")
    overview = progress("01")
    assert [(row.exercise, row.verdict, row.attempts, row.hints, row.solution_seen) for row in overview.rows] == [
        ("01.1", "passed", 3, 0, False),
        ("01.2", "not yet", 1, 1, True),
        ("01.3", "not attempted", 0, 0, False),
    ]
    assert "1 of 3 exercises passed" in repr(overview)
    assert "<td" in overview._repr_html_()
    assert "passed" in overview._repr_html_()


@pytest.mark.parametrize("lesson", [10, "10", 1, "1", 0])
def test_progress_takes_the_number_of_a_lesson(lesson):
    overview = progress(lesson)
    assert overview.rows
    assert {row.exercise.split(".")[0] for row in overview.rows} == {f"{int(lesson):02d}"}


@pytest.mark.parametrize("lesson", ["77", "<b>", 77, -1])
def test_progress_of_an_unknown_lesson_is_a_sentence(lesson):
    assert "Known: 00.1" in repr(progress(lesson))
    assert "<b>" not in progress(lesson)._repr_html_()


@pytest.mark.parametrize("word", COLOURS)
def test_a_card_says_its_label_in_words_with_a_role_and_a_rule(word):
    card = Card(word, "01.1", "use `x < y` & <b>")
    assert card._repr_html_().startswith('<div role="status" style="border-left:4px solid #')
    assert f"<strong>{word.capitalize()}</strong>" in card._repr_html_()
    assert "<code>x &lt; y</code> &amp; &lt;b&gt;" in card._repr_html_()
    assert repr(card) == f"[01.1] {word.capitalize()}. use `x < y` & <b>"


def test_only_passed_is_true():
    assert [word for word in COLOURS if Verdict(word, "01.1")] == ["passed"]


def test_no_check_leaves_a_chained_exception_behind(unhurried):
    with pytest.raises(Raised) as caught:
        sandbox.call(divides, {"logits": torch.zeros(1), "labels": torch.zeros(1)})
    assert caught.value.__suppress_context__


def test_a_dictionary_is_shown_in_its_own_order_and_cut():
    assert shorten({"b": 1, "a": {"d": [2], "c": 3}}) == "{'b': 1, 'a': {'d': [2], 'c': 3}}"
    assert shorten({}) == "{}"
    assert shorten({key: 0 for key in range(20)}).endswith("7: 0, ...}")
