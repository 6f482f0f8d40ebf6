"""Writes course.html: one file with the summary, the machine and every executed lesson, for reading without a server."""

from html import escape
from pathlib import Path
from typing import Any

from lessons_lib.report.environment import machine_table
from lessons_lib.report.ledger_html import ledger_html
from lessons_lib.tables import Table

TITLE = "Training and Inference, Measured"
# Whatever slips through, the browser fetches nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write(summary: dict[str, Any], executed: Path, target: Path) -> None:
    """Write the page of a run.

    Args:
        summary: what course.json holds.
        executed: the folder with the executed notebooks.
        target: the file to write.
    """
    target.write_text(page(summary, executed), encoding="utf-8")


def page(summary: dict[str, Any], executed: Path) -> str:
    """The whole page of a run as text."""
    from lessons_lib.headless.page_style import style

    names = [row["name"] for row in summary["notebooks"]]
    sections = "\n".join(lesson_section(name, executed, names) for name in names)
    return f"""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{TITLE}: report of a run</title>
<style>{style()}</style>
</head>
<body>
<header>
<h1>{TITLE}</h1>
<p>{escape(introduction(summary))}</p>
</header>
<nav aria-label="Contents"><ul>
<li><a href="#summary">Summary</a></li>
<li><a href="#machine">The machine</a></li>
{"".join(f'<li><a href="#{escape(name)}">{escape(name)}</a></li>' for name in names)}
<li><a href="#ledger">The claims ledger</a></li>
</ul></nav>
<main>
<section id="summary"><h2>Summary</h2>
{lessons_table(summary["notebooks"])}
{headline(summary.get("headline"))}
</section>
<section id="machine"><h2>The machine</h2>
{machine_table(summary["fingerprint"])}
</section>
{sections}
<section class="lesson" id="ledger"><h2>The claims ledger</h2>
{ledger_section(summary.get("ledger", []), names)}
</section>
</main>
</body>
</html>
"""


def introduction(summary: dict[str, Any]) -> str:
    """What was run, in a sentence."""
    return (
        f"Run of {summary['started'].replace('T', ' ')}: profile {summary['profile']}, data set {summary['dataset']}, "
        f"device {summary['device']}, {summary['seconds']:.0f} s in all, {summary['status']}."
    )


def lessons_table(rows: list[dict[str, Any]]) -> str:
    """One row a lesson: seconds, peak memory, result."""
    head = '<tr><th scope="col">Lesson</th><th scope="col" class="number">Seconds</th><th scope="col" class="number">Peak memory, MB</th><th scope="col">Result</th></tr>'
    body = "".join(
        f'<tr><th scope="row"><a href="#{escape(row["name"])}">{escape(row["name"])}</a></th>'
        f'<td class="number">{row["seconds"]:.1f}</td><td class="number">{row["peak_mb"]:.0f}</td>'
        f'<td class="status-{row["status"]}">{escape(": ".join(filter(None, [row["status"], row.get("error")])))}</td></tr>'
        for row in rows
    )
    return f"<table><caption>The lessons of this run</caption><thead>{head}</thead><tbody>{body}</tbody></table>"


def headline(result: dict[str, Any] | None) -> str:
    """The comparison that lesson 09 ends with, if it was run."""
    if not result:
        return '<p class="note">No comparison: lesson 09 was not run to its end.</p>'
    table = Table("The comparison in short", result.get("rows", []))
    return f"<p>{escape(result.get('sentence', ''))}</p>{table._repr_html_()}"


def ledger_section(rows: list[dict[str, Any]], names: list[str]) -> str:
    """The claims ledger of this run; its links lead to the lessons on this page."""

    def lead(link: str) -> str | None:
        lesson, _, heading = link.removeprefix("notebooks/").partition(".ipynb#")
        return f"#{lesson}.{heading}" if lesson in names else None

    return ledger_html(rows, lead) if rows else '<p class="note">This run has no claims ledger.</p>'


def lesson_section(name: str, executed: Path, names: list[str]) -> str:
    """The section of one lesson; a sentence where its notebook cannot be read."""
    import nbformat

    from lessons_lib.headless.page_lesson import lesson_html

    try:
        notebook = nbformat.read(executed / f"{name}.ipynb", as_version=4)
        body = lesson_html(notebook, name, executed, names)
    except (OSError, ValueError, nbformat.ValidationError) as problem:
        body = f'<p class="note">The executed notebook of this lesson cannot be shown: {escape(str(problem))}</p>'
    return f'<section class="lesson" id="{escape(name)}">\n{body}\n</section>'
