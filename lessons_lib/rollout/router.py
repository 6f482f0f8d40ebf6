"""Two versions behind one door: a share of the requests goes to the new one, and every request gets an answer."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lessons_lib.rollout.evidence import log_not_worse, log_worse
from lessons_lib.rollout.guard import Failed, Guard, Predict
from lessons_lib.rollout.policy import Decision, Policy, Tally, decide, proven

MOST_PENDING = 100_000  # answers that still wait for a label; the oldest are forgotten first


def bucket(request_id: str, salt: str = "") -> float:
    """Where a request stands between 0 and 1, the same each time: the new version gets those below its share.

    So a user whose id is used stays with one version, and whoever sees the new one at 5 % sees it at 20 % too.
    Another salt for the next rollout draws other people. (Python's `hash` would differ from process to process.)
    """
    digest = hashlib.sha256(f"{salt}/{request_id}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


@dataclass(frozen=True)
class Served:
    """What a user gets. version: "live" or "new". fell_back: why the new version could not answer; empty where it was not asked
    or did answer."""

    answer: Any
    version: str
    fell_back: str = ""


@dataclass(frozen=True)
class Look:
    """One look at the evidence: compared requests, all requests so far, share of the traffic, and both capitals' logarithms."""

    compared: int
    requests: int
    share: float
    log_worse: float
    log_not_worse: float


class Router:
    """Serves with the live version, tries the new one on a growing share of the requests, and decides by itself.

    On these requests both versions are asked: the new one answers the user, and the live one is what it is compared with as soon as
    somebody knows the right answer (`feedback`). If the new version fails, the user gets the live one's answer. All methods may be
    called from several threads. What it has counted is not kept on disk: after a restart a rollout begins anew, at the first share.

    Attributes: word ("running", "promoted" or "rolled back"), why, stage, tally, requests, looks (one for each look), fallbacks (how
    often the new version could not answer, by `Failed.word`).
    """

    def __init__(
        self,
        live: Predict,
        new: Predict,
        policy: Policy | None = None,
        *,
        time_limit_s: float = 1.0,
        valid: Callable[[Any], bool] | None = None,
        salt: str = "",
    ):
        self.policy = policy or Policy()
        self.word, self.why, self.stage, self.tally, self.requests = "running", "It has just begun.", 0, Tally(), 0
        self.looks: list[Look] = []
        self.fallbacks: dict[str, int] = {}
        self._live, self._new = live, Guard(new, time_limit_s, valid=valid)
        self._salt, self._stage_began, self._shown = salt, 0, False
        self._pending: OrderedDict[str, tuple[Any, Any]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def share(self) -> float:
        """Of the traffic that the new version answers now, 0 to 1."""
        return {"running": self.policy.shares[self.stage], "promoted": 1.0, "rolled back": 0.0}[self.word]

    def answer(self, request_id: str, x: Any) -> Served:
        """Serve one request; raises what the live version raises, unless the new one was asked and has an answer."""
        with self._lock:
            self.requests += 1
            asked, running = bucket(request_id, self._salt) < self.share, self.word == "running"
        if not asked:
            return Served(self._live(x), "live")
        try:
            answer, seconds = self._new(x)
        except Failed as failure:
            self._count_failure(failure)
            return Served(self._live(x), "live", str(failure))
        if running:
            self._compare_later(request_id, x, answer, seconds)
        return Served(answer, "new")

    def feedback(self, request_id: str, label: Any) -> None:
        """Say what the right answer was; requests that only the live version answered are passed over."""
        with self._lock:
            pair = self._pending.pop(request_id, None)
            if pair is None or self.word != "running":
                return
            live_right, new_right = (bool(answer == label) for answer in pair)
            key = "same" if live_right == new_right else "lost" if live_right else "won"
            self.tally = replace(self.tally, **{key: getattr(self.tally, key) + 1})
            if self.tally.compared % self.policy.look_every == 0:
                self._look()

    def close(self) -> None:
        """End the threads that wait for work."""
        self._new.close()

    def _compare_later(self, request_id: str, x: Any, answer: Any, seconds: float) -> None:
        with self._lock:
            self.tally = replace(self.tally, answered=self.tally.answered + 1)
        began = time.perf_counter()
        try:
            old = self._live(x)
        except Exception:
            return  # nothing to compare with; the user has an answer
        limit_s = (self.policy.slower or 0.0) * (time.perf_counter() - began)
        key = "slow" if self.policy.slower is not None and seconds > limit_s else "prompt"
        with self._lock:
            self.tally = replace(self.tally, **{key: getattr(self.tally, key) + 1})
            self._pending[request_id] = (old, answer)
            if len(self._pending) > MOST_PENDING:
                self._pending.popitem(last=False)

    def _count_failure(self, failure: Failed) -> None:
        with self._lock:
            self.fallbacks[failure.word] = self.fallbacks.get(failure.word, 0) + 1
            if self.word == "running":
                self.tally = replace(self.tally, failures=self.tally.failures + 1)
                self._follow(decide(self.tally, self.stage, 0, self.policy, self._shown), only="roll back")

    def _look(self) -> None:
        tally = self.tally
        capitals = (
            log_worse(tally.lost, tally.won),
            log_not_worse(tally.lost, tally.won, tally.same, self.policy.margin),
        )
        self.looks.append(Look(tally.compared, self.requests, self.share, *map(float, capitals)))
        self._shown = self._shown or proven(tally, self.policy)
        self._follow(decide(tally, self.stage, tally.compared - self._stage_began, self.policy, self._shown))

    def _follow(self, decision: Decision, only: str = "") -> None:
        if only and decision.word != only:
            return
        self.why = decision.why
        if decision.word == "advance":
            self.stage, self._stage_began = self.stage + 1, self.tally.compared
        elif decision.word != "stay":
            self.word = {"promote": "promoted", "roll back": "rolled back"}[decision.word]
            self._pending.clear()

    def __str__(self) -> str:
        return f"{self.word}, {self.share:.0%} of the traffic. {self.why}"
