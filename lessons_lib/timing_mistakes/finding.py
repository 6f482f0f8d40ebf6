"""What making a mistake on purpose has shown: the wrong conclusion, the honest one, and the assertions between them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lessons_lib.tables import Table


@dataclass(frozen=True)
class Finding:
    """One mistake, made with real calls.

    mistake: its name. arranged: what was set up on purpose, a sentence. wrong, honest: what each way of measuring says,
    with figures, a sentence each. assertions: what has to be true of the samples for the wrong way to be wrong, and
    whether it was. figures: the numbers behind the sentences, with units in their names. tries: how often it was made. harm: what it led to where
    it misleads only now and then, such as "wrong in 14% of single pairs".
    """

    mistake: str
    arranged: str
    wrong: str
    honest: str
    assertions: Mapping[str, bool]
    figures: Mapping[str, float]
    tries: int = 1
    harm: str = "wrong"

    @property
    def fooled(self) -> bool:
        """True where every assertion holds: the wrong way came to a wrong conclusion, here and now."""
        return all(self.assertions.values())

    @property
    def outcome(self) -> str:
        """Whether the mistake did harm, and in which try, in a few words."""
        if self.fooled:
            return self.harm if self.tries == 1 else f"{self.harm}, in try {self.tries}"
        return "no harm done this time" if self.tries == 1 else f"no harm done in {self.tries} tries"

    def table(self) -> Table:
        """Set-up, both ways, what was asserted of the samples, and the outcome, one row each."""
        rows = [("set up", self.arranged), ("wrong way", self.wrong), ("honest way", self.honest)]
        rows += [("asserted", f"{text}: {'true' if holds else 'NOT true'}") for text, holds in self.assertions.items()]
        return Table(
            f"Mistake: {self.mistake}",
            [{"": part, "on this machine": said} for part, said in (*rows, ("conclusion", self.outcome))],
        )

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def __repr__(self) -> str:
        return repr(self.table())


def best_of(tries: int, make_mistake: Callable[[], Finding]) -> Finding:
    """Make a mistake until it does harm, a few times at most: chance has a say in what a bad measurement shows.

    Raises:
        ValueError: no try at all.
    """
    if tries < 1:
        raise ValueError(f"tries is {tries}; give 1 or more.")
    for count in range(1, tries + 1):
        found = replace(make_mistake(), tries=count)
        if found.fooled:
            break
    return found


def conclusion(findings: Sequence[Finding]) -> str:
    """How many of the mistakes led to a wrong conclusion on this machine, in a sentence or two."""
    harmless = [f.mistake for f in findings if not f.fooled]
    checked = sum(len(f.assertions) for f in findings)
    said = f"{len(findings) - len(harmless)} of {len(findings)} mistakes led to a wrong conclusion on this machine"
    sometimes = [f" Not always: {f.mistake} was {f.harm}." for f in findings if f.fooled and f.harm != "wrong"]
    if not harmless:
        return f"{said}: all {checked} assertions hold for the samples just taken.{''.join(sometimes)}"
    luck = f"{' and '.join(harmless)} did no harm this time. That is luck, not a method."
    return f"{said}; {luck}{''.join(sometimes)}"
