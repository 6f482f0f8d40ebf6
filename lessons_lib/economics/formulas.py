"""The model of lifetime cost: every formula once, as it is shown and as it is calculated.

`grown(rate, time)` is the integral of exp(rate * t) over that time; `busy_time(fewest, busy, rate, time)` that of
max(fewest, busy * exp(rate * t)): traffic grows steadily, and the fewest machines run whatever comes. Retraining is spread
evenly over the year.
"""

from lessons_lib.economics.inputs import KINDS, Inputs
from lessons_lib.economics.trace import Formula, Trace, evaluate

FORMULAS = (
    Formula("run_price", "one training run", "training_time * training_price", "USD/run"),
    Formula(
        "training_first", "training before launch, failed runs included",
        "run_price * training_runs / (1 - failed_share)", "USD",
    ),
    Formula(
        "retraining", "retraining", "retrainings * run_price * retraining_runs / (1 - failed_share)", "USD/month"
    ),
    Formula("training_life", "training, whole life", "training_first + retraining * lifetime", "USD"),
    Formula("prediction_time", "machine time of a prediction", "latency / batch", "ms/prediction"),
    Formula("machines_busy", "machines kept busy at launch", "requests * prediction_time / utilisation", ""),
    Formula("machines_paid", "machines paid for at launch", "redundancy * max(fewest_machines, machines_busy)", ""),
    Formula("serving_first", "serving at launch", "machines_paid * serving_price", "USD/month"),
    Formula(
        "price_filled", "price of predictions where the machines are filled",
        "prediction_time / utilisation * redundancy * serving_price", "USD/million_predictions",
    ),
    Formula(
        "price_launch", "price of predictions at your traffic, at launch", "serving_first / requests",
        "USD/million_predictions",
    ),
    Formula("growth_rate", "growth as a continuous rate", "log(1 + growth) / month", "1/month"),
    Formula(
        "machine_time", "machine time of serving, whole life",
        "redundancy * busy_time(fewest_machines, machines_busy, growth_rate, lifetime)", "hour",
    ),
    Formula("serving_life", "serving, whole life", "machine_time * serving_price", "USD"),
    Formula("total", "training and serving, whole life", "training_life + serving_life", "USD"),
    Formula("predictions", "predictions, whole life", "requests * grown(growth_rate, lifetime)", "prediction"),
    Formula("price_life", "price of predictions over the whole life, training included", "total / predictions",
            "USD/million_predictions"),
    Formula(
        "training_hours", "machine time of training, whole life",
        "training_time * (training_runs + retrainings * retraining_runs * lifetime) / (1 - failed_share)", "hour",
    ),
    Formula("predicting_hours", "machine time in which predictions are calculated", "predictions * prediction_time",
            "hour"),
    Formula(
        "computing_share", "inference's share of the computing", "predicting_hours / (predicting_hours + training_hours)",
        "percent",
    ),
    Formula("training_energy", "energy of training", "training_hours * training_power * overhead", "kWh"),
    Formula("serving_energy", "energy of serving", "machine_time * serving_power * overhead", "kWh"),
    Formula("energy", "energy, whole life", "training_energy + serving_energy", "kWh"),
    Formula("emissions", "carbon, whole life", "energy * carbon", "kg_CO2"),
    Formula("energy_price", "energy of predictions, training included", "energy / predictions",
            "Wh/million_predictions"),
    Formula("carbon_price", "carbon of predictions, training included", "emissions / predictions",
            "g_CO2/million_predictions"),
)  # fmt: skip


def costs(inputs: Inputs) -> Trace:
    """Every figure of the model.

    Args:
        inputs: with units; they are converted to those of `inputs.KINDS`, so the trace shows them alike.
    """
    return evaluate(FORMULAS, {name: (value, KINDS[name].unit) for name, value in inputs.numbers().items()})
