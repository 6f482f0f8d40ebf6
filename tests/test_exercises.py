"""Every exercise in both directions: right answers pass, and each known mistake is called by its name."""

import itertools
import json
import math
import re

import pytest
import sample_course  # puts tools/ on the path
import torch
from building.percent import parse
from building.solutions import reveal, strip
from torch.nn import functional

import lessons_lib.checks as checks
from lessons_lib import record
from lessons_lib.checks import check
from lessons_lib.checks.exercises import known

SOURCES = {path.stem[:2]: path for path in sorted((sample_course.ROOT / "lessons" / "exercises").glob("[0-9]*.py"))}


@pytest.fixture(autouse=True)
def learner(tmp_path, monkeypatch):
    """A folder of the learner's that is empty."""
    monkeypatch.setenv("LESSONS_HOME", str(tmp_path))


def names_by_rows(logits, classes):
    return [classes[max(range(len(row)), key=row.__getitem__)] for row in logits.tolist()]


def names_by_sorting(logits, classes):
    return tuple(classes[order[-1]] for order in logits.argsort(dim=1))


def loss_by_rows(logits, labels):
    losses = [row.logsumexp(0) - row[label] for row, label in zip(logits, labels, strict=True)]
    return torch.stack(losses).mean()


def step_by_a_loop(weights, gradients, rate):
    moved = []
    for index in range(len(weights)):
        moved.append(weights[index].clone().sub_(gradients[index], alpha=rate))
    return moved


def accuracy_by_counting(logits, labels):
    right = 0
    for row, label in zip(logits, labels, strict=True):
        right += int(row.argmax() == label)
    return right / len(labels)


def front_by_sorting(rows):
    """Walk from fast to slow and keep what is at least as accurate as everything so far, twins included."""
    front = []
    best = None
    for _, group in itertools.groupby(sorted(rows, key=speed), key=speed):
        top = list(group)
        accuracy = max(row["accuracy"] for row in top)
        if best is None or accuracy > best:
            front += [row["name"] for row in top if row["accuracy"] == accuracy]
            best = accuracy
    return front


def front_by_elimination(rows):
    def beats(a, b):
        return (
            speed(a) <= speed(b)
            and a["accuracy"] >= b["accuracy"]
            and (speed(a), a["accuracy"]) != (speed(b), b["accuracy"])
        )

    return {b["name"] for b in rows if not [a for a in rows if beats(a, b)]}


def speed(row):
    return row["latency_ms"]


def exact(row):
    return row["accuracy"]


def best_by_sorting(rows, deadline_ms):
    for row in sorted(rows, key=exact, reverse=True):
        if row["p95_ms"] <= deadline_ms:
            return row["name"]
    return None


def best_by_default(rows, deadline_ms):
    best = max((row for row in rows if row["p95_ms"] <= deadline_ms), key=exact, default={"name": None})
    return best["name"]


def break_even_by_counting(cpu, overhead, gpu):
    return next((n for n in range(1, 10_000) if overhead + n * gpu < n * cpu), None)


def break_even_by_division(cpu, overhead, gpu):
    return None if gpu >= cpu else int(overhead // (cpu - gpu)) + 1


RIGHT = {
    "00.1": [names_by_rows, names_by_sorting],
    "00.2": [
        lambda logits: torch.softmax(logits, 1).amax(1),
        lambda logits: logits.log_softmax(dim=1).max(dim=1).values.exp(),
    ],
    "01.1": [functional.cross_entropy, loss_by_rows],
    "01.2": [step_by_a_loop, lambda w, g, rate: tuple(torch.add(a, b, alpha=-rate) for a, b in zip(w, g, strict=True))],
    "01.3": [accuracy_by_counting, lambda logits, labels: float((logits.argmax(1) == labels).double().mean())],
    "09.1": [front_by_sorting, front_by_elimination],
    "09.2": [best_by_sorting, best_by_default],
    "09.3": [break_even_by_counting, break_even_by_division],
}


def picked(logits, labels):
    return logits.log_softmax(dim=1)[torch.arange(len(labels)), labels]


def naive_loss(logits, labels):
    return -(logits.exp() / logits.exp().sum(dim=1, keepdim=True))[torch.arange(len(labels)), labels].log().mean()


def loss_with_epsilon(logits, labels):
    return -(logits.softmax(dim=1) + 1e-9)[torch.arange(len(labels)), labels].log().mean()


def changes_in_place(weights, gradients, rate):
    for weight, gradient in zip(weights, gradients, strict=True):
        weight -= rate * gradient
    return weights


def returns_in_the_loop(weights, gradients, rate):
    for weight, gradient in zip(weights, gradients, strict=True):
        return weight - rate * gradient


def each(formula):
    return lambda weights, gradients, rate: [formula(w, g, rate) for w, g in zip(weights, gradients, strict=True)]


def front_where(beats):
    return lambda rows: [b["name"] for b in rows if not any(beats(a, b) for a in rows)]


def drops_twins(rows):
    front = {}
    for row in rows:
        if row["name"] in front_by_sorting(rows):
            front.setdefault((speed(row), exact(row)), row["name"])
    return list(front.values())


def best_of(rows, key=exact, pick=max):
    return pick(rows, key=key)["name"] if rows else None


def counts_for_ever(cpu, overhead, gpu):
    n = 1
    while overhead + n * gpu >= n * cpu:
        n += 1
    return n


WRONG = {
    "00.1": {
        "searches the columns": (lambda z, names: [names[i] for i in z.argmax(dim=0)], "`dim=1`"),
        "takes the smallest": (lambda z, names: [names[i] for i in z.argmin(dim=1)], "smallest scores"),
        "returns indices": (lambda z, names: z.argmax(dim=1).tolist(), "look each one up"),
        "returns a tensor of indices": (lambda z, names: z.argmax(dim=1), "as a tensor; look each one up"),
        "one for the batch": (lambda z, names: names[z.argmax()], "one prediction for the whole batch"),
        "compares sizes": (lambda z, names: [names[i] for i in z.abs().argmax(dim=1)], "Scores can be negative"),
        "squeezes a batch of one": (
            lambda z, names: [names[i] for i in z.argmax(dim=1)] if len(z) > 1 else names[int(z.argmax())],
            "a batch of one image",
        ),
    },
    "00.2": {
        "normalises columns": (lambda z: z.softmax(dim=0).amax(1), "normalised down the columns"),
        "returns scores": (lambda z: z.amax(1), "largest scores themselves"),
        "returns all probabilities": (lambda z: z.softmax(1), "keep only the largest"),
        "returns indices": (lambda z: z.argmax(1), "indices of the predicted classes"),
        "takes the smallest": (lambda z: z.softmax(1).amin(1), "smallest probability"),
        "averages": (lambda z: z.softmax(1).amax(1).mean(), "average over the batch"),
        "forgets exp": (lambda z: (z / z.sum(1, keepdim=True)).amax(1), "take `exp`"),
        "overflows": (lambda z: (z.exp() / z.exp().sum(1, keepdim=True)).amax(1), "overflows for large ones"),
        "subtracts the batch's largest": (
            lambda z: ((z - z.max()).exp() / (z - z.max()).exp().sum(1, keepdim=True)).amax(1),
            "largest score of the whole batch",
        ),
    },
    "01.1": {
        "sums": (lambda z, y: functional.cross_entropy(z, y, reduction="sum"), "sum over the batch"),
        "forgets minus": (lambda z, y: picked(z, y).mean(), "minus sign is missing"),
        "normalises columns": (
            lambda z, y: -z.log_softmax(dim=0)[torch.arange(len(y)), y].mean(),
            "normalised over the images",
        ),
        "does not average": (lambda z, y: -picked(z, y), "one loss for each image"),
        "averages everything": (lambda z, y: -z.log_softmax(1).mean(), "averages over all classes"),
        "picks every label": (lambda z, y: -z.log_softmax(1)[:, y].mean(), "`[:, labels]` takes every label"),
        "softmax twice": (lambda z, y: functional.cross_entropy(z.softmax(1), y), "Softmax was applied twice"),
        "forgets the logarithm": (lambda z, y: picked(z, y).exp().mean(), "the mean probability"),
        "forgets the logarithm, with minus": (lambda z, y: -picked(z, y).exp().mean(), "minus the mean probability"),
        "forgets softmax": (lambda z, y: -z[torch.arange(len(y)), y].mean(), "Softmax is missing"),
        "averages too early": (lambda z, y: -picked(z, y).exp().mean().log(), "logarithm of each probability first"),
        "overflows": (naive_loss, "overflows for large ones"),
        "hides with epsilon": (loss_with_epsilon, "should cost 500"),
    },
    "01.2": {
        "goes uphill": (each(lambda w, g, rate: w + rate * g), "goes uphill"),
        "ignores the rate": (each(lambda w, g, rate: w - g), "rate is not used"),
        "returns the steps": (each(lambda w, g, rate: rate * g), "the steps alone; subtract"),
        "returns minus the steps": (each(lambda w, g, rate: -rate * g), "minus the steps alone"),
        "scales the weights": (each(lambda w, g, rate: rate * (w - g)), "rate multiplies the weights too"),
        "does nothing": (each(lambda w, g, rate: w), "old weights"),
        "returns in the loop": (returns_in_the_loop, "does `return` stand inside the loop?"),
        "only the first": (lambda w, g, rate: [w[0] - rate * g[0]] if w else [], "Only the first weight came back"),
        "changes in place": (changes_in_place, "The argument `weights` was changed in place"),
        "returns a generator": (
            lambda w, g, rate: (a - rate * b for a, b in zip(w, g, strict=True)),
            "is a generator",
        ),
    },
    "01.3": {
        "percent": (lambda z, y: 100 * accuracy_by_counting(z, y), "This is a percentage"),
        "counts": (lambda z, y: (z.argmax(1) == y).sum().item(), "divide by how many"),
        "errors": (lambda z, y: 1 - accuracy_by_counting(z, y), "share of errors"),
        "searches the columns": (lambda z, y: (z.argmax(0) == y).float().mean().item(), "down the columns"),
        "divides integers": (lambda z, y: (z.argmax(1) == y).sum().item() // len(y), "Integer division"),
        "returns a tensor": (lambda z, y: (z.argmax(1) == y).float().mean(), "`.item()` takes the number out"),
        "mean of bools": (lambda z, y: (z.argmax(1) == y).mean(), "`return"),
    },
    "09.1": {
        "returns rows": (lambda rows: [row for row in rows if row["name"] in front_by_sorting(rows)], "`row['name']`"),
        "beats itself": (
            front_where(lambda a, b: speed(a) <= speed(b) and exact(a) >= exact(b)),
            "every row beat itself",
        ),
        "keeps all": (lambda rows: [row["name"] for row in rows], "Every row is kept"),
        "most accurate only": (lambda rows: [best_of(rows)], "only the most accurate"),
        "fastest only": (lambda rows: [best_of(rows, speed, min)], "only the fastest"),
        "needs both strictly": (front_where(lambda a, b: speed(a) < speed(b) and exact(a) > exact(b)), "equal in one"),
        "wants slow": (
            lambda rows: front_by_sorting([{**row, "latency_ms": -speed(row)} for row in rows]),
            "direction of the latency",
        ),
        "keeps the beaten": (
            lambda rows: [row["name"] for row in rows if row["name"] not in front_by_sorting(rows)],
            "rows that are beaten",
        ),
        "drops twins": (drops_twins, "keep both"),
    },
    "09.2": {
        "uses the median": (lambda rows, limit: best_of([r for r in rows if speed(r) <= limit]), "compare `p95_ms`"),
        "takes the fastest": (
            lambda rows, limit: best_of([r for r in rows if r["p95_ms"] <= limit], speed, min),
            "This is the fastest one",
        ),
        "ignores the deadline": (lambda rows, limit: best_of(rows), "it misses the deadline"),
        "strictly before": (lambda rows, limit: best_of([r for r in rows if r["p95_ms"] < limit]), "exactly 4 ms"),
        "returns the row": (
            lambda rows, limit: max((r for r in rows if r["p95_ms"] <= limit), key=exact),
            "asked for is its name",
        ),
        "returns several": (
            lambda rows, limit: [r["name"] for r in rows if r["p95_ms"] <= limit],
            "several names; asked for is one",
        ),
        "raises without candidates": (
            lambda rows, limit: max((r for r in rows if r["p95_ms"] <= limit), key=exact)["name"],
            "Where no row meets the deadline, return None",
        ),
        "falls back to the fastest": (
            lambda rows, limit: best_by_sorting(rows, limit) or best_of(rows, speed, min),
            "Where no row meets the deadline, return None",
        ),
    },
    "09.3": {
        "ignores the overhead": (lambda cpu, over, gpu: 1 if gpu < cpu else None, "overhead is not used"),
        "rounds down": (lambda cpu, over, gpu: int(over / (cpu - gpu)), "One too few"),
        "takes the tie": (lambda cpu, over, gpu: math.ceil(over / (cpu - gpu)), "both take the same time"),
        "one too many": (lambda cpu, over, gpu: math.ceil(over / (cpu - gpu)) + 1, "One too many"),
        "returns the fraction": (lambda cpu, over, gpu: over / (cpu - gpu), "next whole number"),
        "returns a float": (lambda cpu, over, gpu: float(break_even_by_counting(cpu, over, gpu)), "make it an int"),
        "forgets the GPU's own time": (lambda cpu, over, gpu: int(over / cpu) + 1, "GPU's own time"),
        "negative where never": (
            lambda cpu, over, gpu: None if cpu == gpu else int(over // (cpu - gpu)) + 1,
            "GPU never wins",
        ),
        "divides by zero where never": (lambda cpu, over, gpu: int(over // (cpu - gpu)) + 1, "GPU never wins"),
        "counts for ever": (counts_for_ever, "GPU never wins"),
    },
}

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
