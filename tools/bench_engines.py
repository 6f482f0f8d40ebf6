"""Is int8 in the shipped engine as fast as elsewhere? Writes docs/benchmarks/engines.md.

    python tools/bench_engines.py                 # two minutes on an otherwise idle machine; needs openvino and nncf
    python tools/bench_engines.py --seconds 2 --output page.md

ONNX Runtime's int8, as the lessons use it, against OpenVINO's with NNCF: the same networks, calibrated on the same images,
in one process, in turns. Exit status 1 where ONNX Runtime is more than 10 % slower and the engines' own profiles do not
put the difference into its convolution kernels, which no option of the graph can change. The profiles are those of the
largest batch; a difference at another has no such excuse.
"""

import argparse
import datetime
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import engine_layers
from torch import Tensor

from lessons_lib import checkpoints, compare, datasets, engines, models, onnx_graph, timing
from lessons_lib.datasets.split import Dataset
from lessons_lib.device import fingerprint
from lessons_lib.engines import Engine
from lessons_lib.engines.padding import pad_colours
from lessons_lib.timing import Comparison, Verdict

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "engines.md"
OURS, THEIRS = "ONNX Runtime int8", "OpenVINO int8"
NAMES = (THEIRS, OURS, "ONNX Runtime", "OpenVINO")  # the first is the baseline
SLOWEST = 1 / 1.10
IN_KERNELS = 0.8  # a difference of which the convolutions are this share or more lies in them
OPTIONS = {
    "weights in all 8 bits": onnx_graph.Int8Options(reduce_range=False),
    "one scale for each weight matrix": onnx_graph.Int8Options(per_channel=False),
    "first layer in float32": onnx_graph.Int8Options(keep_float32=(0,)),
}


@dataclass(frozen=True)
class Case:
    """One network at one batch size on some threads."""

    network: str
    batch: int
    threads: int
    compared: Comparison

    @property
    def ratio(self) -> Verdict:
        """How many times as fast as OpenVINO's int8 ONNX Runtime's is."""
        return self.compared.verdicts[OURS]

    @property
    def good(self) -> bool:
        """At most 10 % slower, as far as can be told."""
        return self.ratio.high >= SLOWEST

    @property
    def within_limit(self) -> str:
        """Is it at most 10 % slower? Where the interval spans the limit, that cannot be told."""
        if not self.good:
            return "**no**"
        return "yes" if self.ratio.low >= SLOWEST else "cannot tell"


@dataclass(frozen=True)
class Profile:
    """Microseconds an image by layer in both engines, for one network at one batch size on some threads."""

    network: str
    batch: int
    threads: int
    layers: list[tuple[str, float, float]]  # layer, ONNX Runtime, OpenVINO

    @property
    def share_in_kernels(self) -> float:
        """Which share (0 to 1) of the time that ONNX Runtime takes longer lies in the convolutions; 0 where it takes no longer."""
        excess = {name: ours - theirs for name, ours, theirs in self.layers}
        whole = sum(excess.values())
        return min(1.0, max(0.0, 1 - excess[engine_layers.REST] / whole)) if whole > 0 else 0.0

    def excuses(self, case: Case) -> bool:
        """Whether it puts the difference of this case into the convolutions."""
        same = (self.network, self.batch, self.threads) == (case.network, case.batch, case.threads)
        return same and self.share_in_kernels >= IN_KERNELS

    def in_words(self) -> str:
        """Where the difference lies, in a sentence."""
        ours, theirs = (sum(row[i] for row in self.layers) for i in (1, 2))
        if ours <= theirs:
            return (
                "Summed over the layers ONNX Runtime takes no longer here. With the profiler on both take longer than without, so the "
                "table does not say where the rest of a difference goes."
            )
        share = self.share_in_kernels
        return f"{'The whole' if share == 1 else f'{share:.0%}'} of the difference lies in the convolutions."


def profile(network: str, source: engines.Source, x: Tensor, threads: int) -> Profile:
    """Both engines' own profiles of the same batch."""
    ours = engine_layers.onnx_runtime(source.int8_graph(), x, threads)
    theirs = engine_layers.openvino(source.graph(), source.calibration, x, threads)
    return Profile(network, len(x), threads, engine_layers.together(ours, theirs))


def status(cases: list[Case], profiles: list[Profile]) -> int:
    """The exit status: 0 where every case is good, or a profile puts its difference into the convolutions."""
    return int(not all(case.good or any(profile.excuses(case) for profile in profiles) for case in cases))


def measure(network: str, source: engines.Source, images: Tensor, options: argparse.Namespace) -> list[Case]:
    """Every batch size and number of threads."""
    found = []
    for threads in options.threads:
        made = {name: engines.MAKERS[name](replace(source, threads=threads)) for name in NAMES}
        for batch in options.batches:
            x = images[:batch].contiguous()
            calls = {name: engine.on(x) for name, engine in made.items()}
            found.append(Case(network, batch, threads, timing.compare(calls, seconds=options.seconds)))
    return found


def accuracies(source: engines.Source, data: Dataset) -> list[list[str]]:
    """Accuracy and bytes of each engine."""
    made: dict[str, Engine] = {name: engines.MAKERS[name](source) for name in NAMES}
    return [[name, f"{compare.accuracy(e, data):.2%}", f"{e.size_bytes / 1024:,.0f} KiB"] for name, e in made.items()]


def tried(source: engines.Source, x: Tensor, seconds: float) -> list[list[str]]:
    """Other ways to quantize the graph, against the shipped one."""
    made = {"as shipped": engines.MAKERS[OURS](source)}
    graphs = {"colours not padded to four channels": onnx_graph.quantize(source.graph(), source.calibration)}
    for name, options in OPTIONS.items():
        graphs[name] = onnx_graph.quantize(pad_colours(source.graph()), source.calibration, options=options)
    for name, graph in graphs.items():
        made[name] = engines.MAKERS[OURS](replace(source, made={"int8": graph}))
    compared = timing.compare({name: engine.on(x) for name, engine in made.items()}, seconds=seconds)
    return [[name, str(verdict)] for name, verdict in compared.verdicts.items()]


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *rows]]


def row_of(case: Case) -> list[str]:
    medians = [
        f"{case.compared.measurements[name].median_ms:.3g}" for name in (OURS, THEIRS, "ONNX Runtime", "OpenVINO")
    ]
    return [
        case.network,
        str(case.batch),
        str(case.threads),
        *medians,
        str(case.ratio),
        case.within_limit,
    ]


def page(cases: list[Case], scores: dict[str, list[list[str]]], profiles: list[Profile],
         others: list[list[str]], machine: dict[str, Any]) -> str:  # fmt: skip
    """The page for docs/benchmarks."""
    versions = ", ".join(f"{name} {machine['packages'].get(name)}" for name in ("torch", "onnxruntime"))
    import openvino

    lines = [
        "# int8 in ONNX Runtime and in OpenVINO",
        "",
        f"Written by `python tools/bench_engines.py` on {datetime.date.today().isoformat()}: {machine['cpu']}, "
        f"{machine['cpu_limit']:g} cores, {', '.join(machine['vector_instructions'])}; {versions}, openvino "
        f"{openvino.__version__.partition('-')[0]}. Both calibrated on the same 256 images; OpenVINO computes float32 as float32. "
        "Medians in ms a batch. The verdict is ONNX Runtime's int8 against OpenVINO's: the middle of the ratios turn by turn with its "
        "interval, not the quotient of the medians. The limit counts as kept or missed only where the whole interval does.",
        "",
        *table(
            ["network", "batch", "threads", f"{OURS}, ms", f"{THEIRS}, ms", "ONNX Runtime, ms", "OpenVINO, ms",
             "ONNX Runtime int8 is", "at most 10 % slower"],
            [row_of(case) for case in cases],
        ),
        "",
        "## Accuracy and bytes",
        "",
    ]  # fmt: skip
    for network, rows in scores.items():
        lines += [f"{network}:", "", *table(["engine", "accuracy", "stored"], rows), ""]
    lines += [
        "## Where the time goes",
        "",
        "ONNX Runtime copies the patches of an image into a matrix and multiplies that; OpenVINO (oneDNN) convolves in place with a "
        "kernel made for each layer.",
        "",
    ]
    for one in profiles:
        lines += [
            f"{one.network}, batch {one.batch}, threads: {one.threads}; µs an image. {one.in_words()}",
            "",
            *table(
                ["layer", "ONNX Runtime int8", "OpenVINO int8", "difference"],
                [[name, f"{ours:.1f}", f"{theirs:.1f}", f"{ours - theirs:+.1f}"] for name, ours, theirs in one.layers],
            ),
            "",
        ]
    lines += [
        "## Other ways to quantize the graph",
        "",
        f"In turns with the shipped one; {profiles[0].network}, batch {profiles[0].batch}, one thread:",
        "",
        *table(["graph", "against the shipped one"], others),
        "",
        'Where the last few per cent at large batches matter, install OpenVINO: `pip install "training-and-inference-measured'
        '[openvino]"`; the tables of lesson 09 then show it by themselves.',
        "",
    ]
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["vgg", "small"], help="that ship")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 64])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=6.0, help="for each comparison")
    parser.add_argument("--output", type=Path, default=REPORT)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    lacking = [reason for reason in map(engines.missing, NAMES) if reason]
    if lacking:
        print(*lacking, sep="\n")
        return 2
    data = datasets.load("road_signs", train=256, validation=100, test=2000)
    images = models.to_input(data.test.images[: max(options.batches)])
    calibration = models.to_input(data.train.images[:256])
    cases, scores = [], {}
    sources = {n: engines.Source(checkpoints.shipped(n), data.image_shape, calibration, 1) for n in options.networks}
    for network, source in sources.items():
        cases += measure(network, source, images, options)
        scores[network] = accuracies(source, data)
    x = images.contiguous()
    profiles = [profile(name, source, x, threads) for name, source in sources.items() for threads in options.threads]
    others = tried(next(iter(sources.values())), x, options.seconds)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(page(cases, scores, profiles, others, fingerprint()), encoding="utf-8")
    print(options.output.read_text(encoding="utf-8"))
    return status(cases, profiles)


if __name__ == "__main__":
    sys.exit(main())
