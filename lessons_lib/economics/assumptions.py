"""Figures to start from where nothing was measured: each is an assumption that the learner may change.

A source names where a figure was read and when that page was written. What names none is an assumption alone.
"""

from lessons_lib.economics.inputs import Input, Inputs

PUBLIC = "assumption, yours to change"
AWS, FOOTPRINT = "assumption; AWS m7g, June 2026", "assumption; Cloud Carbon Footprint"
CPU_PRICE = (
    f"{PUBLIC}; on demand a core of AWS's m7g.large cost $0.041 in June 2026 (factualminds.com, 17 June 2026: $0.0816 for two); "
    "its range is an assumption"
)
CPU_POWER = (
    f"{PUBLIC}; a virtual core takes 3.5 to 4.3 W busy and 0.7 W idle, a GB of memory 0.4 W (Cloud Carbon Footprint, Methodology): "
    "one core with 4 GB; its high end is an assumption"
)
GPU_PRICE = Input(
    "serving_price", 4.0, "USD/hour", 0.47, 12.29,
    f"{PUBLIC}; an H100 SXM on demand: $2.69 and 3.99 at RunPod, 6.88 at AWS, 12.29 at Azure (data-receipts 109, 9 November 2026), "
    "3.99 at Lambda (lambda.ai, 20 September 2026); low: an L4, always on, at RunPod (docs.runpod.io/serverless/pricing, undated)",
    "assumption; H100 to rent, November 2026",
)  # fmt: skip
GPU_POWER = Input(
    "serving_power", 700, "watt", 70, 700,
    f"{PUBLIC}; an H100 SXM may draw 700 W (The Llama 3 Herd of Models, arXiv 2407.21783, 2024), a T4 70 W (sysrqmts.com); "
    "its server is not counted",
    "assumption; H100, Llama 3 paper, 2024",
)  # fmt: skip
ASSUMED = (
    Input("training_time", 1.0, "hour/run", 0.1, 10.0, f"{PUBLIC}; lesson 10 measures it"),
    Input("training_price", 0.08, "USD/hour", 0.04, 0.12, f"{CPU_PRICE}; times 2 cores", f"{AWS}, 2 cores"),
    Input("training_runs", 10, "run", 1, 100, f"{PUBLIC}; settings that are tried before one is kept"),
    Input(
        "failed_share", 0.3, "", 0.05, 0.5,
        f"{PUBLIC}; jobs also end as killed or failed in a company's cluster: Jeon et al., USENIX ATC 2019",
        "assumption; Jeon et al., 2019",
    ),
    Input("retrainings", 4, "1/year", 0, 52, f"{PUBLIC}; lesson 11 says when to retrain"),
    Input("retraining_runs", 2, "run", 1, 10, PUBLIC),
    Input("requests", 100_000, "prediction/day", 1_000, 10_000_000, f"{PUBLIC}; a little more than one a second"),
    Input("growth", 5, "percent", -5, 15, PUBLIC),
    Input("latency", 5.0, "ms", 1.0, 20.0, f"{PUBLIC}; lesson 10 measures it"),
    Input("batch", 1, "prediction", 1, 1, "one request at a time"),
    Input("serving_price", 0.04, "USD/hour", 0.02, 0.06, CPU_PRICE, AWS),
    Input(
        "utilisation", 0.3, "", 0.1, 0.5,
        f"{PUBLIC}; servers are busy 10 to 50 % most of the time: Barroso and Hölzle, IEEE Computer 40 (12), 2007",
        "assumption; Barroso and Hölzle, 2007",
    ),
    Input("fewest_machines", 1, "", 0, 2, f"{PUBLIC}; 0 is a service that is paid by use"),
    Input("redundancy", 2, "", 1, 3, f"{PUBLIC}; one fails, the other answers"),
    Input("lifetime", 24, "month", 6, 60, PUBLIC),
    Input("training_power", 10, "watt", 4, 20, f"{CPU_POWER}; times 2 cores", f"{FOOTPRINT}, 2 cores"),
    Input("serving_power", 5, "watt", 2, 10, CPU_POWER, FOOTPRINT),
    Input(
        "overhead", 1.54, "", 1.1, 1.8,
        f"{PUBLIC}; average of data centres: Uptime Institute, Global Data Center Survey, July 2025; its range is an assumption",
        "assumption; Uptime Institute, July 2025",
    ),
    Input(
        "carbon", 0.445, "kg_CO2/kWh", 0.03, 0.713,
        f"{PUBLIC}; the world in 2024: IEA, Electricity 2025; low and high: Norway and India in 2023 (Ember, in Statista 943137)",
        "assumption; IEA, 2025",
    ),
)  # fmt: skip


def assumed() -> Inputs:
    """Inputs of which none was measured."""
    return Inputs(*ASSUMED)
