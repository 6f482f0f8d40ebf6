"""The record of a learner who ran every lesson, made by hand, with the fields that the lessons write."""

import json
from pathlib import Path
from typing import Any

LAPTOP = "Some CPU at 3 GHz, 8 of 8 cores, 16 GiB, no NVIDIA GPU, Linux x86_64"
SERVER = "Other CPU, 2 of 64 cores, 4 GiB, Some GPU, Linux x86_64"
STARTED = 1_790_000_000.0  # 2026-09-21


def measurement(name: str, machine: str = LAPTOP, **fields: Any) -> dict[str, Any]:
    return {"time": STARTED, "kind": "measurement", "machine": machine, "name": name, **fields}


def prediction(name: str, question: str, answer: str) -> dict[str, Any]:
    return {"time": STARTED, "kind": "prediction", "name": name, "question": question, "answer": answer}


def effect(change: str, word: str, figures: str) -> dict[str, Any]:
    return measurement(
        "03.effect", change=change, dataset="road_signs", word=word, figures=figures, points=1.0, seeds=3
    )


def work(median_ms: float, memory_bytes: int) -> dict[str, Any]:
    return {"median_ms": median_ms, "memory_bytes": memory_bytes, "macs": 1_000}


def grid_row(variant: str, engine: str, latency_ms: float, accuracy: float, verdict: str) -> dict[str, Any]:
    return {"variant": variant, "engine": engine, "device": "cpu", "batch": 1, "accuracy": accuracy,
            "latency_ms": latency_ms, "verdict": verdict}  # fmt: skip


CLAIMS_05 = {
    "inference is always faster than training": "holds only if: one step is compared with one prediction: a training step takes "
    "3.3 (2.7 to 4.0) times as long as predicting the same 64 images. The whole training would take 72 s here, and after about "
    "46,000 single predictions, inference has taken longer",
    "training needs far more memory": "holds only if: compared with predicting one image (30 times); against the same 64 images "
    "it is 3.2 times",
    "a single prediction takes milliseconds": "does not hold here: it takes less than one: eager 939 µs, ONNX Runtime 310 µs",
    "100 ms hurt, a vehicle wants less than 1 ms": "cannot be tested here: what a person needs is not in these samples",
}
LESSONS_09 = [
    measurement("01.accuracy", model="small", dataset="road_signs", device="cpu", accuracy=0.955, images_per_second=1845.4,
                steps=200, visits=3.2, seconds=7.0, guessing=1 / 12),
    effect("40 % wrong labels", "hurt", "-12.5 points, -15.0 to -10.0"),
    effect("augmentation", "helped", "+3.1 points, +1.2 to +5.0"),
    effect("dropout 0.5", "cannot tell", "+0.5 points, -0.6 to +1.6"),
    effect("weight decay 0.01", "helped", "+1.4 points, +0.2 to +2.6"),
    measurement("04.transfer", dataset="new_signs", device="cpu",
                saved={"frozen features": {"5": [0.95, 0.92], "200": [0.0]}, "fine-tuning": {"5": [0.9, 0.8], "200": [0.41]}},
                verdicts={"frozen features": "holds only if: labels are few, at 5 images a class and no longer at 200",
                          "fine-tuning": "does not hold here: at best 85% less training time, with 5 images a class"},
                pretraining_seconds=22.7, break_even_tasks=12),
    measurement("05.inference", dataset="road_signs", device="cpu", claims=CLAIMS_05, accuracy_before=0.995,
                accuracy_after_training_mode=0.96,
                costs={"batch": 64, "times_as_long": 3.29, "step": work(76.9, 59_958_848),
                       "same_batch": work(23.2, 18_491_360), "one": work(1.56, 1_976_288)},
                latencies={"eager": {"p50_ms": 1.39}, "ONNX Runtime int8": {"p50_ms": 0.116}}),
    measurement("06.int8", dataset="road_signs", verdict="holds only if the batch is 1, of those measured",
                parts={"about a quarter of the memory": "holds: 3.74 times smaller",
                       "faster": "batch 1: faster, 2.42x, 2.41 to 2.44; batch 64: cannot tell, 1.0x, 0.9 to 1.1",
                       "no significant loss of accuracy": "holds: +0.00 points, -0.16 to +0.16"}),
    measurement("07.pruning", dataset="road_signs", device="cpu",
                verdicts={"zeros": {"word": "does not hold here", "reason": "it keeps its accuracy and is no faster"},
                          "channels": {"word": "holds", "reason": "channels -50 %: faster, 2.79x, 2.77 to 2.80"}}),
    measurement("08.batching", dataset="road_signs", device="cpu",
                claim="holds only if something other than arithmetic rules: thin 4.8x (overhead rules at batch 1)"),
    measurement("09.grid", SERVER, dataset="road_signs",
                rows=[grid_row("base", "eager", 1.36, 0.995, "the baseline"),
                      grid_row("int8", "ONNX Runtime int8", 0.13, 0.995, "faster, 10.4x, 9.9 to 10.9"),
                      grid_row("channels -75 %", "ONNX Runtime", 0.05, 0.70, "faster, 26x, 24 to 28")]),
    measurement("09.claims", SERVER,
                verdicts={"deadlines": "100 ms are kept by 12 of 12 configurations, 1 ms by 10",
                          "devices": "its half about inference holds for this network: int8 answers 19 of 20 images within "
                          "0.2 ms on this CPU (p95). Its half about training cannot be tested without a GPU"}),
]  # fmt: skip
KEYS_10 = ("budget_shares", "half_million", "ten_ms_or_20_percent", "inference_share", "gpu_prices")
KEYS_11 = ("drift_decays", "versions_roll_out", "retraining_rhythm")
LATER = [
    measurement("10.costs", dataset="road_signs",
                figures={"training_first": {"value": 0.1524, "unit": "USD"},
                         "price_launch": {"value": 19.2, "unit": "USD/million_predictions"}},
                claims={key: {"word": "holds only if", "said": "Your service gets 1,000,000 requests a day or more; it gets 100,000"}
                        for key in KEYS_10}),
    measurement("11.drift", dataset="road_signs", claims={
        key: {"word": "holds", "said": "the accuracy fell from 99.3 % to 71.0 % in fog"} for key in KEYS_11}),
]  # fmt: skip
BUDGETS = [
    {"budget": "accuracy", "allowed": "at least 97.00%", "measured": "98.00%", "used": "50%", "verdict": "met, 50% to spare"},
    {"budget": "size", "allowed": "at most 335 KiB", "measured": "375 KiB", "used": "112%", "verdict": "missed by 12%"},
]  # fmt: skip
SHIPPED = measurement(
    "12.capstone", dataset="road_signs", profile="smoke", scenario="phone", claims={},
    yours={"name": "channels -50 % in int8", "meets": False, "said": "It misses 1 of 2 budgets.", "budgets": BUDGETS},
)  # fmt: skip
ANSWERS = [
    prediction("04.saved", "How much training time does fine-tuning save, at equal accuracy?", "about half"),
    prediction("04.saved", "How much training time does fine-tuning save, at equal accuracy?", "90 % or more"),
    prediction("06.int8", "And the other one in a real int8 engine, against float32?", "about four times faster"),
    prediction("07.zeros", "How much faster is the network with 90 % zeros?", "ten times"),
]
TRIED = [
    {"time": STARTED, "kind": "attempt", "name": "01.1", "verdict": "not yet"},
    {"time": STARTED, "kind": "hint", "name": "01.1"},
    {"time": STARTED + 60, "kind": "attempt", "name": "01.1", "verdict": "passed"},
    {"time": STARTED + 90, "kind": "attempt", "name": "01.2", "verdict": "error"},
    {"time": STARTED + 99, "kind": "solution", "name": "01.2"},
]
EVERYTHING = [*ANSWERS, *TRIED, *LESSONS_09, *LATER, SHIPPED]


def keep(events: list[dict[str, Any]], home: Path) -> Path:
    """Write events as the record of a learner's folder."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "record.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return path
