"""Answers to the exercises of lesson 11 on versions: right ones, and wrong ones with a part of the message that each must get."""

import hashlib
from itertools import accumulate


def decision_by_lists(live_right, new_right, margin, stake, level):
    """All capitals first, then the first request at which one is enough."""
    pays = [int(live) - int(new) for live, new in zip(live_right, new_right, strict=True)]
    worse = list(accumulate((1 + stake * d for d in pays), lambda a, b: a * b))
    better = list(accumulate((1 + stake * (margin - d) for d in pays), lambda a, b: a * b))
    for place in range(len(pays)):
        if worse[place] * level >= 1:
            return ["roll back", place + 1]
        if better[place] * level >= 1:
            return ["promote", place + 1]
    return ["wait", len(pays)]


def deciding(
    side=1, ties=True, strict=False, careful=True, adds=False, last=False, start=1, no_margin=False, wrong=False
):
    def decide(live_right, new_right, margin, stake, level):
        capitals = [1.0, 1.0]
        margin, enough = 0.0 if no_margin else margin, level if wrong else 1 / level
        for seen, (live, new) in enumerate(zip(live_right, new_right, strict=True), start):
            d = side * (live - new)
            pays = d, (margin - d if ties or d else 0)
            for place in (0, 1):
                capitals[place] = (
                    capitals[place] + stake * pays[place] if adds else capitals[place] * (1 + stake * pays[place])
                )
            for place in (0, 1) if careful else (1, 0):
                there = capitals[place] > enough if strict else capitals[place] >= enough
                if there and (not last or seen == len(live_right)):
                    return ("roll back", "promote")[place], seen
        return "wait", len(live_right)

    return decide


def whole(version):
    return hashlib.sha256(version["content"]).hexdigest() == version["sha256"]


def serve_by_recursion(versions, live):
    if live not in versions:
        return None
    return live if whole(versions[live]) else serve_by_recursion(versions, versions[live]["parent"])


def serve_by_chain(versions, live):
    chain = []
    while live is not None and live in versions:
        chain.append(live)
        live = versions[live]["parent"]
    return next((name for name in chain if whole(versions[name])), None)


def takes_the_parent(versions, live):
    version = versions.get(live)
    return None if version is None else live if whole(version) else version["parent"]


def never_whole(versions, live):
    good = [name for name, v in versions.items() if hashlib.sha256(v["content"]).digest() == v["sha256"]]
    return live if live in good else None


RIGHT = {
    "11.3": [deciding(), decision_by_lists],
    "11.4": [serve_by_recursion, serve_by_chain],
}

WRONG = {
    "11.3": {
        "sides swapped": (deciding(side=-1), "sides are swapped"),
        "only at the end": (deciding(last=True), "look at the very end"),
        "no margin": (deciding(no_margin=True), "margin is missing"),
        "passes over ties": (deciding(ties=False), "both wrong the second capital grows"),
        "adds": (deciding(adds=True), "multiplied, not added"),
        "more than enough": (deciding(strict=True), "compare with `>=`"),
        "promotes first": (deciding(careful=False), "be careful: ask for the roll back first"),
        "compares with the level": (deciding(wrong=True), "compares it with `level`"),
        "counts from 0": (deciding(start=0), "counted from 1"),
        "gives the word alone": (lambda *given: deciding()(*given)[0], "should be a list of 2"),
        "returns nothing": (lambda *given: None, "Does every path end in `return"),
    },
    "11.4": {
        "trusts the live one": (lambda versions, live: live, "live version was taken without comparing"),
        "trusts the parent": (takes_the_parent, "parent was taken without comparing"),
        "begins with the parent": (
            lambda versions, live: serve_by_recursion(versions, versions.get(live, {}).get("parent")),
            "Begin with the live version itself",
        ),
        "the last whole one": (
            lambda versions, live: ([None] + [n for n, v in versions.items() if whole(v)])[-1],
            "last whole version of the registry",
        ),
        "the first whole one": (
            lambda versions, live: next((n for n, v in versions.items() if whole(v)), None),
            "first whole version of the registry",
        ),
        "compares bytes with text": (never_whole, "hexadecimal: `.hexdigest()`"),
        "fails where a version is gone": (
            lambda versions, live: (
                live if whole(versions[live]) else serve_by_recursion(versions, versions[live]["parent"])
            ),
            "KeyError",
        ),
    },
}
