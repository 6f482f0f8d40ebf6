"""What is said about the money of AI, worked out: each claim's own figures with units, and what they imply together."""

from lessons_lib.economics.formulas import costs
from lessons_lib.economics.inputs import KINDS, Inputs
from lessons_lib.economics.trace import Formula, Trace, evaluate
from lessons_lib.economics.units import HOURS_A_MONTH

Given = dict[str, tuple[float, str]]
TRAINING_BILL = (100_000.0, "USD")
SERVING_BILL = (500_000.0, "USD/year")
TRAIN_HOUR = (2.0, 8.0)  # USD a GPU-hour, as claimed
SERVE_HOUR = (0.10, 0.50)
SAVED_MS = 10.0
SAVED_SHARE = 0.2
SUBSTANTIAL = (1_000.0, "USD/month")  # what "substantially" is taken to mean
# The first 10 TB a month that leave AWS: wring.co, 8 March 2026, and leanopstech.com, 27 April 2026.
TRANSFER = (0.09, "USD/GB")
GPU_TO_BUY = (10_000.0, 30_000.0)
RUN_BILL = (5e6, 10e6)
# An H100 SXM calculates 989 TFLOP/s in 16 bits; 38 to 43 % of that were reached with Llama 3 405B (arXiv 2407.21783, 2024).
GPU_FLOP_PER_S = (4e14, "FLOP/second")

HALF_MILLION = (
    Formula("gpu_hours_least", "GPU-hours of the training, at the dearer price", "training_bill / train_dear", "hour"),
    Formula("gpu_hours_most", "at the cheaper price", "training_bill / train_cheap", "hour"),
    Formula("machines_least", "machines that serve day and night, at the dearer price", "serving_bill / serve_dear", ""),
    Formula("machines_most", "at the cheaper price", "serving_bill / serve_cheap", ""),
    Formula("even", "serving has cost as much as training after", "training_bill / serving_bill", "month"),
    Formula("first_year", "inference's share of the first year's bill",
            "12 * month * serving_bill / (training_bill + 12 * month * serving_bill)", "percent"),
    Formula("traffic_least", "predictions that so many machines give with your network, at least",
            "machines_least / redundancy * utilisation / prediction_time", "prediction/day"),
    Formula("traffic_most", "and at most", "machines_most / redundancy * utilisation / prediction_time", "prediction/day"),
)  # fmt: skip
LESS_TIME = (
    Formula("time_saved", "machine time saved over a million predictions", "saved_time * million", "hour"),
    Formula("worth_least", "worth at $0.10 an hour", "time_saved * serve_cheap", "USD"),
    Formula("worth_most", "worth at $0.50 an hour", "time_saved * serve_dear", "USD"),
    Formula("worth_here", "worth on your machine, with its idle time and copies",
            "time_saved * serving_price * redundancy / utilisation", "USD"),
    Formula("share_worth", "a prediction that takes 20 % less time: saved over a million on your machine",
            "saved_share * prediction_time * million * serving_price * redundancy / utilisation", "USD"),
    Formula("traffic_needed", "traffic at which 10 ms are worth $1,000 a month",
            "substantial / (saved_time * serving_price * redundancy / utilisation)", "prediction/day"),
    Formula("bytes_saved", "bytes that 20 % less size saves when the model is sent a million times",
            "saved_share * size * 1000000", "GB"),
    Formula("copies_needed", "copies whose sending makes 20 % less size worth $1,000 a month",
            "substantial / (saved_share * size * transfer)", "1/month"),
    Formula("transfer_worth", "worth, where every copy is sent through the network", "bytes_saved * transfer", "USD"),
)  # fmt: skip
COMPUTING = (
    Formula("training_hours", "machine time of training, whole life",
            "training_time * (training_runs + retrainings * retraining_runs * lifetime) / (1 - failed_share)", "hour"),
    Formula("predictions_needed", "predictions after which inference is 90 % of the computing",
            "0.9 / (1 - 0.9) * training_hours / prediction_time", "prediction"),
    Formula("time_needed", "which your traffic at launch brings in", "predictions_needed / requests", "month"),
)  # fmt: skip
GPUS = (
    Formula("rent_least", "hours of rent that a GPU's price pays for, at least", "gpu_cheap / train_dear", "hour"),
    Formula("rent_most", "at most", "gpu_dear / train_cheap", "hour"),
    Formula("run_hours_least", "GPU-hours of the large run, at least", "run_cheap / train_dear", "hour"),
    Formula("run_hours_most", "at most", "run_dear / train_cheap", "hour"),
    Formula("months_least", "which 1,000 GPUs need, at least", "run_hours_least / 1000", "month"),
    Formula("months_most", "at most", "run_hours_most / 1000", "month"),
    Formula("work_least", "operations of the run, at least", "run_hours_least * gpu_speed", "FLOP"),
    Formula("here_least", "this machine would need, at the pace of your training", "work_least / own_speed", "year"),
)  # fmt: skip


def half_million(inputs: Inputs) -> Trace:
    """The claim "A model trained for $100,000 costs $500,000 a year to serve; $2-8 a GPU-hour to train, $0.10-0.50 to serve."""
    return evaluate(
        HALF_MILLION, _own(inputs) | _prices() | {"training_bill": TRAINING_BILL, "serving_bill": SERVING_BILL}
    )


def company(inputs: Inputs) -> Inputs:
    """The inputs of the claim's own case: $100,000 to train, $500,000 a year to serve, at the middle of its prices.

    Args:
        inputs: the copies of each machine and all that the claim says nothing of; of the requests, as many as its machines answer.
    """
    train, serve = ((low * high) ** 0.5 for low, high in (TRAIN_HOUR, SERVE_HOUR))  # the middle of a ratio
    machines = SERVING_BILL[0] / 12 / HOURS_A_MONTH / serve / inputs.numbers()["redundancy"]
    busy = costs(inputs).value("machines_busy")
    requests = inputs["requests"].value * min(1.0, machines / busy)
    once = inputs.changed(training_runs=1, failed_share=0, retrainings=0, growth=0)
    return once.changed(
        training_price=f"{train!r} USD/hour", training_time=f"{TRAINING_BILL[0] / train!r} hour/run",
        serving_price=f"{serve!r} USD/hour", fewest_machines=machines, requests=requests,
    )  # fmt: skip


def less_time(inputs: Inputs, size_bytes: int) -> Trace:
    """The claim "10 ms less latency or 20 % less size saves substantially over millions of predictions."

    Args:
        size_bytes: of the model as it is stored.
    """
    given = {
        "saved_time": (SAVED_MS, "ms/prediction"), "saved_share": (SAVED_SHARE, ""), "million": (1.0, "million_predictions"),
        "substantial": SUBSTANTIAL, "size": (size_bytes / 1e9, "GB"), "transfer": TRANSFER,
    }  # fmt: skip
    return evaluate(LESS_TIME, _own(inputs) | _prices() | given)


def computing(inputs: Inputs) -> Trace:
    """The claim "Inference is about 90 % of the computing done in production; models train once and serve millions."""
    return evaluate(COMPUTING, _own(inputs))


def gpus(own_flop_per_s: float) -> Trace:
    """The claim "Training GPUs cost $10,000-30,000 each, a large language model's run $5-10 million."

    Args:
        own_flop_per_s: operations a second of the learner's own training.
    """
    given = {
        "gpu_cheap": (GPU_TO_BUY[0], "USD"), "gpu_dear": (GPU_TO_BUY[1], "USD"), "run_cheap": (RUN_BILL[0], "USD"),
        "run_dear": (RUN_BILL[1], "USD"), "gpu_speed": GPU_FLOP_PER_S, "own_speed": (own_flop_per_s, "FLOP/second"),
    }  # fmt: skip
    return evaluate(GPUS, _prices() | given)


def _own(inputs: Inputs) -> Given:
    plain = {name: (value, KINDS[name].unit) for name, value in inputs.numbers().items()}
    per_prediction = plain["latency"][0] / plain["batch"][0]
    return plain | {"prediction_time": (per_prediction, "ms/prediction")}


def _prices() -> Given:
    names = ("train_cheap", "train_dear", "serve_cheap", "serve_dear")
    return {name: (price, "USD/hour") for name, price in zip(names, TRAIN_HOUR + SERVE_HOUR, strict=True)}
