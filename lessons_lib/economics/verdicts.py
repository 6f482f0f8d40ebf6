"""The claims about money, judged with the learner's figures."""

from collections.abc import Mapping

from lessons_lib.economics import claims
from lessons_lib.economics.crossing import curves
from lessons_lib.economics.formulas import costs
from lessons_lib.economics.inputs import Inputs
from lessons_lib.economics.shares import inference_share, windows
from lessons_lib.economics.units import digits, in_words, when
from lessons_lib.tables import Table
from lessons_lib.transfer.claim import Judgement

CLAIMS = {
    "budget_shares": "80-90 % of the budget goes to training, and 80-90 % of the lifetime cost to inference",
    "half_million": "trained for $100,000, it costs $500,000 a year to serve",
    "ten_ms_or_20_percent": "10 ms less latency or 20 % less size saves substantially over millions of predictions",
    "inference_share": "inference is about 90 % of the computing",
    "gpu_prices": "training GPUs cost $10,000-30,000 each, a large language model's run $5-10 million",
}
FIVEFOLD = (4.0, 6.0)  # a year's serving over the training: what "$500,000 for $100,000" is taken to mean
ABOUT_90 = 0.85


def budget_shares(inputs: Inputs) -> Judgement:
    """80 to 90 % to training against 80 to 90 % to inference: each of some bill, never both of one."""
    found, share = windows(inputs), inference_share(inputs)
    life = inputs["lifetime"].told(inputs["lifetime"].value)
    yours = f"over {life} your bill is {share:.1%} inference"
    early = _from_to("training is 80 to 90 % of what was paid so far", found.training)
    late = _from_to("inference is", found.inference)
    if found.training[0] is None and found.inference[0] is None:
        return Judgement("does not hold here", f"neither share is ever reached; {yours}")
    return Judgement(
        "holds only if",
        f"each is said of another bill: {early}, {late}; {yours}. Both of one bill would be 160 % or more",
    )


def _from_to(what: str, months: tuple[float | None, float | None]) -> str:
    first, last = months
    if first is None:
        return f"{what} never"
    return f"{what} from {when(first)} after launch" + (f" to {when(last)}" if last is not None else " on")


def half_million(inputs: Inputs) -> Judgement:
    """A year of serving costs five times the training: of the learner's own network."""
    found, trace = curves(inputs), claims.half_million(inputs)
    year = float(found.serving(12.0))
    fit = (
        f"with $500,000 a year {digits(trace.value('machines_least'))} to {digits(trace.value('machines_most'))} machines run "
        f"day and night, which with your network answer {trace['traffic_least'].told} or more"
    )
    if found.first == 0:
        return Judgement("does not hold here", f"your training costs nothing; {fit}")
    ratio = year / found.first
    own = f"a year of serving yours costs {in_words(year, 'USD')}, {digits(ratio)} times its training before launch"
    if FIVEFOLD[0] <= ratio <= FIVEFOLD[1]:
        return Judgement("holds", f"{own}; {fit}")
    fivefold = f"the training costs a fifth of a year's serving: {in_words(year / 5, 'USD')} for your traffic"
    return Judgement("holds only if", f"{fivefold}; {own}; {fit}")


def less_time(inputs: Inputs, size_bytes: int) -> Judgement:
    """10 ms less, or 20 % less size, saves substantially over millions of predictions."""
    trace, plain = claims.less_time(inputs, size_bytes), inputs.numbers()
    worth = (
        f"10 ms less are {trace['time_saved'].told} of a machine over a million predictions: {trace['worth_here'].told} with your prices; "
        f"20 % less size saves {trace['transfer_worth'].told} when a model of yours is sent a million times, and nothing while it stays"
    )
    own_ms = plain["latency"] / plain["batch"]
    room = f"; a prediction of yours takes {digits(own_ms)} ms in all" if own_ms < claims.SAVED_MS else ""
    paid_by_hour = costs(inputs).value("machines_busy") <= plain["fewest_machines"]
    idle = "; and your bill stays as it is, for the machines that always run are not filled" if paid_by_hour else ""
    if not room and not idle and plain["requests"] >= trace.value("traffic_needed"):
        return Judgement("holds", worth)
    needed = f"there are {trace['traffic_needed'].told} or more, for $1,000 a month"
    return Judgement("holds only if", f"{needed}: {worth}{room}{idle}")


def computing(inputs: Inputs) -> Judgement:
    """Inference is about 90 % of the computing."""
    trace, share = claims.computing(inputs), costs(inputs).value("computing_share") / 100
    needed = trace["predictions_needed"].told
    yours = f"of the machine time of your network's life, {share:.1%} calculates predictions (you retrain {digits(inputs.numbers()['retrainings'])} times a year)"
    if share >= ABOUT_90:
        return Judgement("holds", f"{yours}; 90 % are reached with {needed}")
    return Judgement("holds only if", f"it makes {needed}; {yours}")


def gpu_prices(own_flop_per_s: float) -> Judgement:
    """Prices of GPUs and of a large run: what they imply together."""
    trace = claims.gpus(own_flop_per_s)
    told = {name: digits(step.value) for name, step in trace.items()}
    return Judgement(
        "cannot be tested here",
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
    """The five claims by their key in the ledger.

    Args:
        size_bytes: of the model as it is stored. own_flop_per_s: operations a second of the learner's own training.
    """
    return {
        "budget_shares": budget_shares(inputs),
        "half_million": half_million(inputs),
        "ten_ms_or_20_percent": less_time(inputs, size_bytes),
        "inference_share": computing(inputs),
        "gpu_prices": gpu_prices(own_flop_per_s),
    }
