"""Every exercise in both directions: right answers pass, and each known mistake is called by its name."""

import json
import re

import pytest
import sample_course  # puts tools/ on the path
from answers import by_lesson
from answers.lesson_09 import counts_for_ever
from building.percent import parse
from building.solutions import reveal, strip

import lessons_lib.checks as checks
from lessons_lib import record
from lessons_lib.checks import check
from lessons_lib.checks.exercises import known

SOURCES = {path.stem[:2]: path for path in sorted((sample_course.ROOT / "lessons" / "exercises").glob("[0-9]*.py"))}


@pytest.fixture(autouse=True)
def learner(tmp_path, monkeypatch):
    """A folder of the learner's that is empty."""
    monkeypatch.setenv("LESSONS_HOME", str(tmp_path))


RIGHT = {name: answers for module in by_lesson() for name, answers in module.RIGHT.items()}
WRONG = {name: mistakes for module in by_lesson() for name, mistakes in module.WRONG.items()}

CASES = [
    pytest.param(name, answer, phrase, id=f"{name} {mistake}")
    for name, mistakes in WRONG.items()
    for mistake, (answer, phrase) in mistakes.items()
]


@pytest.mark.parametrize(("name", "answer", "phrase"), CASES)
def test_a_wrong_answer_is_called_by_its_mistake(name, answer, phrase, monkeypatch):
    monkeypatch.setattr("lessons_lib.checks.sandbox.TIME_LIMIT_S", 1.0 if answer is counts_for_ever else 20.0)
    verdict = check(name, answer)
    assert not verdict
    assert verdict.word in {"not yet", "error", "stopped"}
    assert phrase in repr(verdict)


def test_no_two_mistakes_of_an_exercise_share_a_message():
    for name, mistakes in WRONG.items():
        messages = [str(check(name, answer)) for answer, _ in mistakes.values() if answer is not counts_for_ever]
        assert len(set(messages)) == len(messages), name


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name, answers in RIGHT.items() for answer in answers])
def test_a_right_answer_passes_however_it_is_written(name, answer):
    verdict = check(name, answer)
    assert verdict, repr(verdict)
    assert record.latest("attempt", name)["verdict"] == "passed"


def exercise_cells() -> dict[str, tuple[str, str]]:
    """The solved cell of each exercise and its stub."""
    found = {}
    for path in SOURCES.values():
        cells = parse(path.read_text(encoding="utf-8"))
        stubs = {tag: cell.source for _, cell in strip(cells) for tag in cell.tags}
        found |= {name: (code, stubs[f"exercise-{name}"]) for name, code in reveal(cells).items()}
    return found


CELLS = exercise_cells()


def function_of(name: str, source: str):
    """Run the cells of the source that import or set up something, then this one; its function."""
    cells = parse(SOURCES[name[:2]].read_text(encoding="utf-8"))
    space: dict = {}
    for cell in cells:
        if cell.kind == "code" and not cell.tags and "check(" not in cell.source and "progress(" not in cell.source:
            exec(cell.source, space)
    exec(compile(source, f"<{name}>", "exec"), space)
    return space[re.search(r"^def (\w+)", source, re.MULTILINE)[1]]


@pytest.mark.parametrize("name", known())
def test_the_solution_in_the_source_passes_and_its_stub_is_not_attempted(name):
    solved, stub = CELLS[name]
    verdict = check(name, function_of(name, solved))
    assert verdict, repr(verdict)
    assert "# Your code here\n" in stub
    assert check(name, function_of(name, stub)).word == "not attempted"


def test_the_stored_solutions_are_those_of_the_sources():
    assert json.loads(checks.SOLUTIONS.read_text(encoding="utf-8")) == {
        name: solved for name, (solved, _) in CELLS.items()
    }


@pytest.mark.parametrize("name", known())
def test_every_exercise_is_complete(name):
    exercise = known()[name]
    assert len(exercise.hints) >= 3
    assert exercise.title
    assert exercise.learned
    assert len(RIGHT[name]) >= 2
    assert len(WRONG[name]) >= 3
    function = re.search(r"^def (\w+)", CELLS[name][0], re.MULTILINE)[1]
    cells = parse(SOURCES[name[:2]].read_text(encoding="utf-8"))
    assert [cell.source for cell in cells if f'check("{name}"' in cell.source and cell.kind == "code"] == [
        f'check("{name}", {function})'
    ]
    assert any(cell.source.startswith(f"## {name} {exercise.title}") for cell in cells)


@pytest.mark.parametrize("number", SOURCES)
def test_a_source_has_a_title_minutes_a_link_to_its_lesson_and_a_closing_overview(number):
    cells = parse(SOURCES[number].read_text(encoding="utf-8"))
    lesson = f"[lesson {number}](../notebooks/{SOURCES[number].stem}.ipynb)"
    assert re.match(rf"# Exercises {number} · .*\?\n\*\d+ minutes · goes with {re.escape(lesson)}", cells[0].source)
    assert cells[-1].source == f'progress("{number}")'
    assert "hint(" in cells[0].source


def test_every_exercise_of_the_sources_is_known_and_the_other_way_round():
    assert set(known()) == set(CELLS) == set(RIGHT) == set(WRONG)
