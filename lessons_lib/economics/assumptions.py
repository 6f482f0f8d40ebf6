"""Figures to start from where nothing was measured: each is an assumption that the learner may change."""

from lessons_lib.economics.inputs import Input, Inputs

PUBLIC = "assumption, yours to change"
PRICES = f"{PUBLIC}; list prices of rented machines, 2024 to 2026"
GPU_PRICE = Input("serving_price", 2.0, "USD/hour", 0.5, 8.0, f"{PRICES}, for a GPU")
GPU_POWER = Input("serving_power", 700, "watt", 350, 1000, f"{PUBLIC}; an NVIDIA H100 SXM may draw 700 W (data sheet)")
ASSUMED = (
    Input("training_time", 1.0, "hour/run", 0.1, 10.0, f"{PUBLIC}; lesson 10 measures it"),
    Input("training_price", 0.08, "USD/hour", 0.04, 0.12, f"{PRICES}, for two CPU cores"),
    Input("training_runs", 10, "run", 1, 100, f"{PUBLIC}; settings that are tried before one is kept"),
    Input(
        "failed_share", 0.3, "", 0.05, 0.5,
        f"{PUBLIC}; about 30 % in a company's cluster: Jeon et al., USENIX ATC 2019",
    ),
    Input("retrainings", 4, "1/year", 0, 52, f"{PUBLIC}; lesson 11 says when to retrain"),
    Input("retraining_runs", 2, "run", 1, 10, PUBLIC),
    Input("requests", 100_000, "prediction/day", 1_000, 10_000_000, f"{PUBLIC}; a little more than one a second"),
    Input("growth", 5, "percent", -5, 15, PUBLIC),
    Input("latency", 5.0, "ms", 1.0, 20.0, f"{PUBLIC}; lesson 10 measures it"),
    Input("batch", 1, "prediction", 1, 1, "one request at a time"),
    Input("serving_price", 0.04, "USD/hour", 0.02, 0.06, f"{PRICES}, for one CPU core"),
    Input(
        "utilisation", 0.3, "", 0.1, 0.5,
        f"{PUBLIC}; servers are busy 10 to 50 % of the time: Barroso and Hölzle, IEEE Computer 40 (12), 2007",
    ),
    Input("fewest_machines", 1, "", 0, 2, f"{PUBLIC}; 0 is a service that is paid by use"),
    Input("redundancy", 2, "", 1, 3, f"{PUBLIC}; one fails, the other answers"),
    Input("lifetime", 24, "month", 6, 60, PUBLIC),
    Input("training_power", 20, "watt", 6, 50, f"{PUBLIC}; 10 W a core"),
    Input("serving_power", 10, "watt", 3, 25, f"{PUBLIC}; 10 W a core, a server of 300 to 600 W with 32 to 64 cores"),
    Input("overhead", 1.56, "", 1.1, 1.8, f"{PUBLIC}; average of data centres: Uptime Institute, survey of 2024"),
    Input("carbon", 0.47, "kg_CO2/kWh", 0.03, 0.8, f"{PUBLIC}; the world's average of 2024: Ember, 2025"),
)  # fmt: skip


def assumed() -> Inputs:
    """Inputs of which none was measured."""
    return Inputs(*ASSUMED)
