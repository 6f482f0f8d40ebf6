"""The claims ledger as a piece of a page: claim by claim, verdict beside it, so that it fits a phone and a sheet of paper."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from lessons_lib.ledger.judged import WORDS
from lessons_lib.ledger.rows import too_little

NOT_YET = "not measured yet"
Href = Callable[[str], str | None]  # from the link of a row to what works on the page; None: no link there


def ledger_html(rows: Sequence[Mapping[str, Any]], href: Href) -> str:
    """The tally, then every claim.

    Args:
        rows: as the report holds them. href: where a row's link leads on this page.
    """
    return tally(rows) + "\n".join(claim(row, href) for row in rows)


def tally(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many claims got which verdict."""
    words = [row["word"] if row["word"] in WORDS else NOT_YET for row in rows]
    there = [word for word in (*WORDS, NOT_YET) if word in words]
    items = "".join(f'<li class="verdict {_style(word)}">{words.count(word)} {word}</li>' for word in there)
    return f'<ul class="tally" aria-label="How many claims got which verdict">{items}</ul>\n'


def claim(row: Mapping[str, Any], href: Href) -> str:
    """One claim: verdict, figures, prediction, and where it was measured."""
    measured = f"<p>{escape(row['measured'])}</p>" if row["measured"] else ""
    predicted = row["prediction"] != "no prediction"
    said = f"You predicted: {row['prediction']}" if predicted else "You made no prediction."
    origin = [where(row, href), escape(row["dataset"]), escape(row["day"]), too_little(row.get("profile", ""))]
    return (
        f'<article class="claim" id="claim-{escape(row["key"])}">'
        f'<div class="verdict {_style(row["word"])}">{escape(row["word"])}</div>'
        f"<div><h3>{escape(row['claim'])}</h3>{measured}"
        f'<p class="said">{escape(said)}</p>'
        f'<p class="origin">{" · ".join(filter(None, origin))}</p></div></article>'
    )


def where(row: Mapping[str, Any], href: Href) -> str:
    """The lesson of a row, as a link where the page can lead there."""
    target = href(row["link"])
    name = f"lesson {escape(row['lesson'])}"
    return f'<a href="{escape(target)}">{name}: the cell</a>' if target else name


def _style(word: str) -> str:
    """The class of a verdict; its words stand on the page as well."""
    return f"verdict-{(word if word in WORDS else NOT_YET).replace(' ', '-')}"
