"""The claims about money, judged with the learner's figures."""

import math
from collections.abc import Callable, Mapping

from lessons_lib.economics import claims
from lessons_lib.economics.crossing import curves
from lessons_lib.economics.ends import ends, within
from lessons_lib.economics.formulas import costs
from lessons_lib.economics.inputs import Inputs
from lessons_lib.economics.shares import inference_share, windows
from lessons_lib.economics.units import between, digits, in_words, when
from lessons_lib.tables import Table
from lessons_lib.transfer.claim import Judgement

HOLDS, ONLY_IF, NOT_HERE, UNTESTED = "holds", "holds only if", "does not hold here", "cannot be tested here"
CLAIMS = {
    "budget_shares": "80-90 % of the budget goes to training, and 80-90 % of the lifetime cost to inference",
    "half_million": "trained for $100,000, it costs $500,000 a year to serve",
    "ten_ms_or_20_percent": "10 ms less latency or 20 % less size saves substantially over millions of predictions",
    "inference_share": "inference is about 90 % of the computing",
    "gpu_prices": "training GPUs cost $10,000-30,000 each, a large language model's run $5-10 million",
}
FIVEFOLD = (4.0, 6.0)  # a year's serving over the training: what "$500,000 for $100,000" is taken to mean
NEARLY_ALL = 0.9995
ABOUT_90 = 85.0  # per cent


def budget_shares(inputs: Inputs) -> Judgement:
    """80 to 90 % to training against 80 to 90 % to inference: each of some bill, never both of one."""
    found, share = windows(inputs), inference_share(inputs)
    life = inputs["lifetime"].told(inputs["lifetime"].value)
    yours = f"over {life} your bill is {f'{share:.1%}' if share < NEARLY_ALL else 'more than 99.9 %'} inference"
    if found.training[0] is None and found.inference[0] is None:
        return Judgement(NOT_HERE, f"neither share is ever reached; {yours}")
    early, late = _in_window("training", found.training), _in_window("inference", found.inference)
    return Judgement(
        ONLY_IF,
        f"each is said of another bill. Of yours, {early}, and {late}; {yours}. Both of one bill would be 160 % or more",
    )


def _in_window(what: str, months: tuple[float | None, float | None]) -> str:
    first, last = months
    if first is None:
        return f"{what} is never 80 to 90 %"
    moment = f"from {when(first)} after launch on" if last is None else f"from {between(first, last)} after launch"
    return f"{what} is 80 to 90 % {moment}"


def half_million(inputs: Inputs) -> Judgement:
    """A year of serving costs five times the training: of the learner's own network."""
    found, trace = curves(inputs), claims.half_million(inputs)
    fit = (
        f"$500,000 a year pay for {digits(trace.value('machines_least'))} to {digits(trace.value('machines_most'))} machines, "
        f"which with your network answer {trace['traffic_least'].told} or more"
    )
    if found.first == 0:
        return Judgement(NOT_HERE, f"your training costs nothing. {fit}")
    year, ratio = float(found.serving(12.0)), _times_the_training(inputs)
    spread = _spread(within(inputs, _times_the_training))
    own = f"costs {in_words(year, 'USD')}, {digits(ratio)} times your training before launch{spread}. {fit}"
    if FIVEFOLD[0] <= ratio <= FIVEFOLD[1]:
        return Judgement(HOLDS, f"a year of serving {own}")
    return Judgement(ONLY_IF, f"a year of serving costs about five times the training; yours {own}")


def _times_the_training(inputs: Inputs) -> float:
    """What a year of serving costs, in trainings; infinite where these are free."""
    found = curves(inputs)
    return float(found.serving(12.0)) / found.first if found.first else math.inf


def less_time(inputs: Inputs, size_bytes: int) -> Judgement:
    """10 ms less, or 20 % less size, saves substantially over millions of predictions: both halves have to."""
    faster, smaller = ten_ms(inputs), less_size(inputs, size_bytes)
    if faster.word == ONLY_IF:
        return Judgement(ONLY_IF, f"{faster.reason}. 20 % less size saves as much if {smaller.reason}")
    if faster.word == HOLDS:
        return Judgement(ONLY_IF, f"{smaller.reason}: its half about size. Its half about 10 ms holds: {faster.reason}")
    return Judgement(NOT_HERE, f"{faster.reason}. Its half about size holds only if {smaller.reason}")


def ten_ms(inputs: Inputs) -> Judgement:
    """Its half about time: 10 ms less of each prediction are worth $1,000 a month."""
    trace, plain = claims.less_time(inputs, 1), inputs.numbers()
    if _prediction_ms(inputs) < claims.SAVED_MS:
        ms = f"{digits(_prediction_ms(inputs))} ms in all{_spread(within(inputs, _prediction_ms))}"
        return Judgement(NOT_HERE, f"10 ms cannot be saved where a prediction takes {ms}")
    worth = f"over a million predictions 10 ms are worth {trace['worth_here'].told} with your prices"
    idle = costs(inputs).value("machines_busy") <= plain["fewest_machines"]
    if not idle and plain["requests"] >= trace.value("traffic_needed"):
        return Judgement(HOLDS, worth)
    filled = " and the machines that always run are filled, which they are not" if idle else ""
    return Judgement(ONLY_IF, f"there are {trace['traffic_needed'].told} or more, for $1,000 a month{filled}; {worth}")


def less_size(inputs: Inputs, size_bytes: int) -> Judgement:
    """Its half about size: 20 % less is worth $1,000 a month where the model is sent often."""
    trace = claims.less_time(inputs, size_bytes)
    copies = f"copies of the model are sent {trace['copies_needed'].told} or more, for $1,000 a month"
    return Judgement(ONLY_IF, f"{copies}; while it stays on its server it saves nothing")


def _prediction_ms(inputs: Inputs) -> float:
    plain = inputs.numbers()
    return plain["latency"] / plain["batch"]


def computing(inputs: Inputs) -> Judgement:
    """Inference is about 90 % of the computing."""
    needed, share = claims.computing(inputs)["predictions_needed"].told, _computing_share(inputs)
    yours = (
        f"predictions take {share:.3g} %{_spread(within(inputs, _computing_share))} of the machine time of your network's life (you "
        f"retrain {digits(inputs.numbers()['retrainings'])} times a year)"
    )
    if share >= ABOUT_90:
        return Judgement(HOLDS, f"{yours}; 90 % are reached with {needed}")
    return Judgement(ONLY_IF, f"the network makes {needed} in its life; {yours}")


def _computing_share(inputs: Inputs) -> float:
    """In per cent."""
    return costs(inputs).value("computing_share")


def _spread(ends: tuple[float, float]) -> str:
    """Lowest and highest in brackets; nothing where they are the same to three digits."""
    low, high = map(digits, ends)
    return f" ({low} to {high})" if low != high else ""


def gpu_prices(own_flop_per_s: float) -> Judgement:
    """Prices of GPUs and of a large run: what they imply together."""
    trace = claims.gpus(own_flop_per_s)
    told = {name: digits(step.value) for name, step in trace.items()}
    return Judgement(
        UNTESTED,
        f"a price list is no measurement. The figures fit together: a GPU's price is {told['rent_least']} to {told['rent_most']} hours of "
        f"rent, and a run of $5 to 10 million is {told['run_hours_least']} to {told['run_hours_most']} GPU-hours, {told['months_least']} to "
        f"{told['months_most']} months of 1,000 GPUs; this machine would need at least {trace['here_least'].told}",
    )


def table(judged: Mapping[str, Judgement]) -> Table:
    """The claims in words with their verdicts.

    Args:
        judged: from `of_all`.
    """
    rows = [{"claim": CLAIMS[key], "verdict": one.word, "because": one.reason} for key, one in judged.items()]
    return Table("The claims, judged with your figures", rows)


def of_all(inputs: Inputs, size_bytes: int, own_flop_per_s: float) -> dict[str, Judgement]:
    """The five claims by their key in the ledger; "cannot tell" where the range of what was measured holds two verdicts.

    Args:
        size_bytes: of the model as it is stored. own_flop_per_s: operations a second of the learner's own training.
    """
    judges: dict[str, Callable[[Inputs], Judgement]] = {
        "budget_shares": budget_shares,
        "half_million": half_million,
        "ten_ms_or_20_percent": lambda one: less_time(one, size_bytes),
        "inference_share": computing,
        "gpu_prices": lambda _: gpu_prices(own_flop_per_s),
    }
    return {key: certain(judge, inputs) for key, judge in judges.items()}


def certain(judge: Callable[[Inputs], Judgement], inputs: Inputs) -> Judgement:
    """A verdict that is the same at all ends of what was measured; else "cannot tell"."""
    found = judge(inputs)
    others = {judge(one).word for one in ends(inputs)} - {found.word}
    if not others:
        return found
    words = " or ".join(f'"{word}"' for word in (found.word, *sorted(others)))
    return Judgement(
        "cannot tell", f"within the range of what was measured it is {words}. In the middle: {found.reason}"
    )


def for_record(judged: Mapping[str, Judgement]) -> dict[str, dict[str, str]]:
    """The verdicts in the words of the ledger, which counts what cannot be told as not tested.

    Args:
        judged: from `of_all`.
    """
    return {
        key: {"word": UNTESTED, "said": str(one)}
        if one.word == "cannot tell"
        else {"word": one.word, "said": one.reason}
        for key, one in judged.items()
    }
