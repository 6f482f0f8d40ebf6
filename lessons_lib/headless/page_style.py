"""The look of course.html: quiet, readable on screen in light and dark, and on paper."""

from pygments.formatters import HtmlFormatter

from lessons_lib.report.style import LEDGER

PAGE = """
:root { color-scheme: light dark; --text: #1f2328; --soft: #59636e; --rule: #d1d9e0; --back: #fff; --box: #f6f8fa;
  --link: #0060a8; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9198a1; --rule: #3d444d; --back: #0d1117;
  --box: #161b22; --link: #6cb6ff; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1.25rem 4rem; max-width: 60rem; background: var(--back); color: var(--text);
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
h1, h2, h3, h4, h5 { line-height: 1.25; margin: 1.6em 0 .5em; }
a { color: var(--link); }
section.lesson { border-top: 1px solid var(--rule); margin-top: 3rem; }
table { display: block; overflow-x: auto; max-width: 100%; border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding: .25rem 0; }
th, td { border-bottom: 1px solid var(--rule); padding: .3rem .75rem .3rem 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; }
.status-failed, .status-interrupted { color: var(--bad); font-weight: 600; }
.scroll, .output { overflow-x: auto; }
pre, code { font: .875rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.input_area pre { background: var(--box); border-left: 3px solid var(--rule); padding: .6rem .8rem; overflow-x: auto; }
.output pre { white-space: pre-wrap; margin: .4rem 0; }
.output_error pre { border-left: 3px solid var(--bad); padding-left: .8rem; }
.output img { max-width: 100%; height: auto; background: #fff; }
.note { color: var(--soft); }
@media print { body { max-width: none; } nav { display: none; } section.lesson { break-before: page; }
  pre, table, img { break-inside: avoid; } }
"""


def style() -> str:
    """The whole style sheet, with the colours of the code for light and dark."""
    light = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    plain = ".highlight { background: none !important; }"
    return f"{PAGE}{LEDGER}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n{plain}\n"
