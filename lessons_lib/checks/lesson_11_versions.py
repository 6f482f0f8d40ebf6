"""The checks of lesson 11 on versions: the decision of a rollout, and the newest version that is whole."""

import hashlib
import random
from functools import partial
from typing import Any

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import expect


@exercise(
    "11.3",
    "Roll back, promote, or wait?",
    hints=(
        "Keep two numbers that begin at 1, and change both at every request; look at both before you go on.",
        "`d = live - new` is 1, -1 or 0, since Python counts True as 1 and False as 0.",
        "`worse *= 1 + stake * d` and `not_worse *= 1 + stake * (margin - d)`.",
        'Inside the loop: `if worse >= 1 / level: return "roll back", seen`, then the same for `not_worse`; after the loop '
        '`return "wait", len(live_right)`.',
    ),
    learned="Such a capital may be looked at as often as you like: that makes it fit for a rollout, and a p-value unfit.",
)
def decision(answer: Any) -> None:
    lost, won, both, none = (True, False), (False, True), (True, True), (False, False)
    draw = random.Random(113)
    for share, level in ((0.3, 0.02), (0.1, 0.05), (0.1, 0.002)):
        pairs = [draw.choices((lost, won, both, none), (share, 0.15, 0.5, 0.1))[0] for _ in range(300)]
        _expect_decision(answer, pairs, 0.15, 0.3, level)
    cases: tuple[tuple[Pairs, float, float, float, str], ...] = (
        ([won] * 5 + [lost] * 12, 0.05, 0.5, 0.2, "The new version is better at first, and worse later."),
        ([lost] * 5 + [won] * 12, 0.05, 0.5, 0.2, "The new version is worse at first, and better later."),
        ([both, none] * 30, 0.1, 0.5, 0.25, "Both are right or both are wrong, sixty times."),
        ([lost, won] * 3, 0.1, 0.5, 0.01, "They take turns."),
        ([lost] * 5, 0.1, 1.0, 0.125, "After three requests the capital is 8, exactly what is needed."),
        (
            [both, lost],
            0.5,
            1.0,
            2 / 3,
            "The capital of the second gambler is 1.5 after one request, exactly what is needed.",
        ),
        ([lost], 1.0, 0.5, 1.0, "At a level of 1 a capital of 1 is enough: both get there at the same request."),
        ([], 0.1, 0.5, 0.1, "There was no request yet."),
    )
    for pairs, margin, stake, level, note in cases:
        _expect_decision(answer, pairs, margin, stake, level, note)


Pairs = list[tuple[bool, bool]]


def _expect_decision(answer: Any, pairs: Pairs, margin: float, stake: float, level: float, note: str = "") -> None:
    def decided(
        *, side: int = 1, needed: float = 1 / level, allowed: float = margin, last: bool = False, adds: bool = False,
        strict: bool = False, careful: bool = True, ties: bool = True, start: int = 1,
    ) -> tuple[str, int]:  # fmt: skip
        capitals = {"roll back": 1.0, "promote": 1.0}
        for seen, (live, new) in enumerate(pairs, 1):
            d = side * (live - new)
            pays = {"roll back": d, "promote": allowed - d if ties or d else 0.0}
            for word, pay in pays.items():
                capitals[word] = capitals[word] + stake * pay if adds else capitals[word] * (1 + stake * pay)
            for word in ("roll back", "promote") if careful else ("promote", "roll back"):
                there = capitals[word] > needed if strict else capitals[word] >= needed
                if there and (not last or seen == len(pairs)):
                    return word, seen - 1 + start
        return "wait", len(pairs)

    mistakes = {
        "If both get there at the same request, be careful: ask for the roll back first.": decided(careful=False),
        "The sides are swapped: a request that only the live version got right speaks against the new one.": decided(
            side=-1
        ),
        "This is what a look at the very end says. Look after every request, and stop at the first that decides.": decided(
            last=True
        ),
        "The margin is missing: the second gambler gets it at every request.": decided(allowed=0.0),
        "Where both were right or both wrong the second capital grows too, by `1 + stake * margin`.": decided(
            ties=False
        ),
        "Capitals are multiplied, not added up: the stake is a share of what the gambler has by then.": decided(
            adds=True
        ),
        "A capital of exactly `1 / level` is enough: compare with `>=`.": decided(strict=True),
        "The capital has to reach `1 / level`, such as 50 for 0.02; yours compares it with `level`.": decided(
            needed=level
        ),
        "Requests are counted from 1 here: the first one is number 1.": decided(start=0),
    }
    given = {
        "live_right": [live for live, _ in pairs], "new_right": [new for _, new in pairs],
        "margin": margin, "stake": stake, "level": level,
    }  # fmt: skip
    expect(answer, given, decided(), mistakes=mistakes, note=note)


@exercise(
    "11.4",
    "The newest version that is whole",
    hints=(
        "Begin with `name = live`, and go from version to parent until one is whole.",
        "`hashlib.sha256(content).hexdigest()` is the hash as text; compare it with the stored one.",
        "Go on while `name in versions`: `None` is in no registry, so the loop ends by itself.",
        '`while name in versions:` return `name` if the hash fits, else `name = versions[name]["parent"]`; after the loop `return None`.',
    ),
    learned="A hash tells damage from content, and the lineage tells where to go back to. Neither helps if nobody compares.",
)
def version_to_serve(answer: Any) -> None:
    chain = ("first", "second", "third", "fourth")
    _expect_version(answer, _shelf(chain, {"fourth"}), "fourth", "The live version was damaged.")
    _expect_version(answer, _shelf(chain, set()), "third", "Every version is whole.")
    _expect_version(answer, _shelf(chain, {"second", "third"}), "third", "Two versions were damaged.")
    _expect_version(answer, _shelf(chain, set(chain)), "fourth", "Every version was damaged.")
    _expect_version(answer, _shelf(chain, set()), "fifth", "The live version is not in the registry.")
    lost_parent = {name: version for name, version in _shelf(chain, {"fourth"}).items() if name != "third"}
    _expect_version(answer, lost_parent, "fourth", "The parent of the live version is gone.")
    branches = _shelf(("first", "second"), {"second"}) | _shelf(("other", "sibling"), set())
    _expect_version(answer, branches, "second", "There are two families of versions.")
    _expect_version(answer, {}, "first", "The registry is empty.")


Shelf = dict[str, dict[str, Any]]


def _shelf(names: tuple[str, ...], damaged: set[str]) -> Shelf:
    """Versions, each made from the one before; of those that are damaged one bit is turned round."""
    made: Shelf = {}
    for name, parent in zip(names, (None, *names), strict=False):
        content = f"the weights of the {name} version".encode()
        digest = hashlib.sha256(content).hexdigest()
        stored = content[:-1] + bytes([content[-1] ^ 1]) if name in damaged else content
        made[name] = {"content": stored, "sha256": digest, "parent": parent}
    return made


def _expect_version(answer: Any, versions: Shelf, live: str, note: str) -> None:
    def whole(name: str) -> bool:
        return hashlib.sha256(versions[name]["content"]).hexdigest() == versions[name]["sha256"]

    def walk(name: str | None, steps: int = 10) -> str | None:
        while name in versions:
            if whole(name) or not steps:
                return name
            name, steps = versions[name]["parent"], steps - 1
        return None

    want = walk(live)
    wholes = [name for name in versions if whole(name)]
    parent = versions[live]["parent"] if live in versions else None
    mistakes = {
        "The live version was taken without comparing its hash.": live,
        "The parent was taken without comparing its hash: it may be damaged as well.": walk(live, 1),
        "Begin with the live version itself: its parent is for the case that it is damaged.": walk(parent),
        "This is the last whole version of the registry; asked for is the live one or its nearest ancestor.": next(
            reversed(wholes), None
        ),
        "This is the first whole version of the registry; asked for is the live one or its nearest ancestor.": next(
            iter(wholes), None
        ),
    }
    given = {"versions": versions, "live": live}
    expect(answer, given, want, mistakes=mistakes, note=note, arrange=partial(_some_name, want))


def _some_name(want: str | None, got: Any) -> Any:
    """None where a version can be served has a cause of its own, which "does every path end in return" would not name."""
    if got is None and want is not None:
        raise NotYet(
            f"Yours serves nothing, but {want!r} is whole. The stored hash is hexadecimal: `.hexdigest()`, not `.digest()`."
        )
    return got
