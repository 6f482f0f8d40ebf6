"""Lesson 08: choose a load, the largest batch and the waiting time; the queue is simulated at once, and measured on request."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

from lessons_lib import plots
from lessons_lib.explained import Explained
from lessons_lib.queueing import Policy, ServiceTimes, Simulated, poisson_arrivals, simulate
from lessons_lib.serving import Point
from lessons_lib.serving.points import in_words
from lessons_lib.widgets.explorer import status
from lessons_lib.widgets.fallback import have_widgets, show

BATCHES = (1, 2, 4, 8, 16, 32, 64)
WAITS_MS = (0, 1, 2, 5, 10, 20, 50)
SIMULATED_S = 10.0
Measure = Callable[[Policy, float], Point]


@lru_cache(maxsize=1024)
def simulated(service: ServiceTimes, policy: Policy, per_second: float, overhead_ms: float) -> Simulated:
    """Ten seconds of Poisson arrivals through the queue."""
    return simulate(poisson_arrivals(per_second, SIMULATED_S), service, policy, overhead_ms=overhead_ms)


def describe(
    policy: Policy,
    per_second: float,
    result: Simulated,
    deadline_ms: float,
    point: Point | None = None,
    limit: float = math.inf,
) -> str:
    """What the simulation says about a setting, and what was measured at it.

    Args:
        result: of the simulation. point: the measurement of this very setting, if there is one.
        limit: the most requests a second that this setting can bear.
    """
    above = (
        f" That is above the limit of {limit:.0f} a second: the queue grows, so these values depend on how long the run lasts."
        if per_second > limit
        else ""
    )
    mean_batch = sum(result.batches) / max(1, len(result.batches))
    told = (
        f"{per_second:.0f} requests a second, {policy}. Simulated: p50 {in_words(result.percentile(50))}, p99 "
        f"{in_words(result.percentile(99))}, {1 - result.late(deadline_ms):.1%} within {deadline_ms:.3g} ms, mean batch {mean_batch:.1f}."
        f"{above}"
    )
    if point is None:
        return f"{told} Not measured."
    found = point.load
    return (
        f"{told} Measured: p50 {in_words(found.percentile(50))}, p99 {in_words(found.percentile(99))}, "
        f"{found.in_time(deadline_ms):.1%} within {deadline_ms:.3g} ms, mean batch {point.mean_batch:.1f}."
    )


def serving_explorer(
    service: ServiceTimes,
    rates: Sequence[float],
    deadline_ms: float,
    *,
    points: Sequence[Point] = (),
    overhead_ms: float = 0.0,
    measure: Measure | None = None,
) -> None:
    """Three sliders over simulated queues beside what was measured, and a button that measures the setting for real.

    Args:
        service: the engine's times by batch size. rates: requests a second to choose from. deadline_ms: drawn and counted.
        points: finished loads. overhead_ms: the way through server and network, added to each simulated latency.
        measure: puts one load on a real server; without it there is no button.

    Raises:
        ValueError: no rates.
    """
    if not rates:
        raise ValueError("there are no loads to look at: run the cell that measures them first.")
    bench = _Bench(service, sorted(rates), deadline_ms, list(points), overhead_ms, measure)
    if not have_widgets():
        print(bench.text())
        return
    bench.show()


class _Bench:
    def __init__(
        self, service: ServiceTimes, rates: list[float], deadline_ms: float, points: list[Point], overhead_ms: float,
        measure: Measure | None,
    ):  # fmt: skip
        self.service, self.rates, self.deadline_ms = service, rates, deadline_ms
        self.points, self.overhead_ms, self.measure = points, overhead_ms, measure
        own = [point.policy for point in points if point.policy.max_batch > 1]  # so that measured squares show
        self.policy, self.rate = own[0] if own else Policy(8, 2.0), rates[len(rates) // 2]

    def text(self) -> str:
        """The default setting at every load."""
        return "\n".join(self.told(self.policy, rate) for rate in self.rates)

    def told(self, policy: Policy, rate: float) -> str:
        result = simulated(self.service, policy, rate, self.overhead_ms)
        limit = self.service.capacity(policy.max_batch)
        return describe(policy, rate, result, self.deadline_ms, self.measured(policy, rate), limit)

    def measured(self, policy: Policy, rate: float) -> Point | None:
        """The latest measurement of a setting; the waiting time says nothing where requests go one by one."""

        def setting(found: Policy) -> tuple[int, float]:
            return found.max_batch, found.max_wait_ms if found.max_batch > 1 else 0.0

        same = [p for p in self.points if setting(p.policy) == setting(policy) and p.per_second == rate]
        return same[-1] if same else None

    def show(self) -> None:
        import ipywidgets

        wide = {"width": "32em"}
        self.load = ipywidgets.SelectionSlider(
            options=[(f"{rate:.0f}", rate) for rate in self.rates],
            value=self.rate,
            description="requests/s",
            layout=wide,
        )
        batches, waits = (
            sorted({*BATCHES, self.policy.max_batch}),
            [(f"{ms:g}", ms) for ms in sorted({*WAITS_MS, self.policy.max_wait_ms})],
        )
        self.batch = ipywidgets.SelectionSlider(
            options=batches, value=self.policy.max_batch, description="max batch", layout=wide
        )
        self.wait = ipywidgets.SelectionSlider(
            options=waits, value=self.policy.max_wait_ms, description="wait, ms", layout=wide
        )
        self.button = ipywidgets.Button(description="Measure this one", tooltip="Puts this load on a real server")
        self.readout, self.picture = ipywidgets.HTML(), ipywidgets.HTML()
        self.readout.add_class("serving-readout")
        for slider in (self.load, self.batch, self.wait):
            slider.observe(self._redraw, "value")
        self.button.on_click(self._measure)
        self._redraw()
        controls = [self.load, self.batch, self.wait, *([self.button] if self.measure else [])]
        box = ipywidgets.VBox([*controls, self.readout, self.picture])
        show(box, html=self.readout.value + self.picture.value, text=self.text())

    def _chosen(self) -> tuple[Policy, float]:
        return Policy(self.batch.value, float(self.wait.value)), self.load.value

    def _redraw(self, _change: object = None) -> None:
        policy, rate = self._chosen()
        self._say(self.told(policy, rate))
        self.picture.value = self._draw(policy, rate)

    def _say(self, text: str) -> None:
        self.readout.value = status(text)

    def _measure(self, _button: object) -> None:
        policy, rate = self._chosen()
        assert self.measure
        self.button.disabled = True
        self._say(f"Measuring {policy} at {rate:.0f} requests a second ...")
        try:
            self.points.append(self.measure(policy, rate))
            self._redraw()
        except KeyboardInterrupt:
            self._say("Stopped; nothing was measured. Press the button to start anew.")
        except Explained as problem:
            self._say(str(problem))
        finally:
            self.button.disabled = False

    def _draw(self, policy: Policy, rate: float) -> str:
        settings = {"one by one": Policy(), str(policy): policy}
        p99 = {
            name: [simulated(self.service, setting, r, self.overhead_ms).percentile(99) for r in self.rates]
            for name, setting in settings.items()
        }
        own = {r: point.load.percentile(99) for r in self.rates if (point := self.measured(policy, r))}
        place = self.rates.index(rate)
        table = plots.Table("Simulated p99 by load, and measured", self._rows(p99, own))
        alt = self.told(policy, rate)
        return plots.simulated_load(
            self.rates,
            p99,
            own,
            chosen=(rate, p99[str(policy)][place]),
            deadline_ms=self.deadline_ms,
            alt=alt,
            table=table,
        )._repr_html_()

    def _rows(self, p99: dict[str, list[float]], own: dict[float, float]) -> list[dict[str, str]]:
        return [
            {
                "requests/s": f"{rate:.0f}",
                **{f"{name}, simulated": in_words(values[place]) for name, values in p99.items()},
                "this setting, measured": in_words(own[rate]) if rate in own else "",
            }
            for place, rate in enumerate(self.rates)
        ]
