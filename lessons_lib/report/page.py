"""The report as one page that needs no script, no server and no internet, and carries its JSON within."""

from html import escape
from typing import Any

from lessons_lib.report import sections
from lessons_lib.report.embedding import BLANK, embedded, sealed
from lessons_lib.report.ledger_html import Href, ledger_html
from lessons_lib.report.style import style

# Whatever slips through, the browser fetches nothing and runs nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: dict[str, Any], notebooks: str | None = None) -> str:
    """The whole page.

    Args:
        report: with its checksum, from `make_report`.
        notebooks: the folder of the lessons as seen from the page, ending in "/"; None where links would lead nowhere.
    """
    content = report["content"]
    parts = _parts(content, _href(notebooks))
    contents = "".join(f'<li><a href="#{key}">{title}</a></li>' for key, title, _ in parts)
    body = "\n".join(f'<section id="{key}"><h2>{title}</h2>\n{text}\n</section>' for key, title, text in parts)
    return sealed(f"""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
{BLANK}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>What you measured · Training and Inference, Measured</title>
<style>{style()}</style>
</head>
<body>
<header>
<p>Training and Inference, Measured</p>
<h1>What you predicted, and what you measured</h1>
<p>{escape(introduction(content))}</p>
</header>
<nav aria-label="Contents"><ul>{contents}</ul></nav>
<main>
{body}
</main>
{embedded(report)}
</body>
</html>
""")


def introduction(content: dict[str, Any]) -> str:
    """The state of the learner's course in a sentence or two."""
    claims, done = content["ledger"], content["exercises"]
    measured = len(claims) - len(content["missing"]["claims"])
    passed = sum(one["verdict"] == "passed" for one in done)
    said = len(content["predictions"])
    return (
        f"{measured} of {len(claims)} claims measured, {said} prediction{'s' * (said != 1)} made, {passed} of "
        f"{len(done)} exercises passed. Written {sections.when(content['written'])} UTC on: {content['machine']}."
    )


def _parts(content: dict[str, Any], href: Href) -> list[tuple[str, str, str]]:
    """Anchor, heading and text of every section."""
    names = sections.machine_names(content["machines"])
    figures = sections.measurements(content["measurements"], names) + sections.machine_list(content["machines"], names)
    lacking = sections.missing(content["missing"], content["ledger"], content["record"])
    return [
        ("ledger", "The claims, and your verdicts", ledger_html(content["ledger"], href)),
        ("questions", "The usual questions", sections.questions(content["questions"])),
        ("glance", "Training and inference at a glance", sections.glance(content["at_a_glance"])),
        ("shipped", "What you shipped", sections.shipped(content["shipped"])),
        ("predictions", "Your predictions", sections.predictions(content["predictions"])),
        ("exercises", "Your exercises", sections.exercises(content["exercises"])),
        ("measurements", "Your measurements", figures),
        ("environment", "The machine of this report", sections.environment(content["environment"])),
        ("missing", "What is missing", lacking),
        ("unaltered", "Is it unaltered?", CHECK),
    ]


CHECK = """<p>This page carries the whole report as JSON, with a checksum (SHA-256) of it and another one of the page.
<code>python3 run.py verify report.html</code> compares them and says which measurements come from which machine. That shows
whether anything changed by accident or by hand; it is no proof against somebody who computes the checksum anew.</p>"""


def _href(notebooks: str | None) -> Href:
    def lead(link: str) -> str | None:
        return notebooks + link.removeprefix("notebooks/") if notebooks is not None else None

    return lead
