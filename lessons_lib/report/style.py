"""The look of the report: quiet, readable by day and by night, on a phone and on paper; never by colour alone."""

LEDGER = """
.claim { border-top: 1px solid var(--rule); padding: .9rem 0; display: grid; grid-template-columns: 11rem minmax(0, 1fr);
  column-gap: 1.25rem; break-inside: avoid; }
.claim h3 { margin: 0 0 .3rem; font-size: 1rem; line-height: 1.35; }
.claim p { margin: .25rem 0; overflow-wrap: anywhere; }
.claim .origin, .claim .said { color: var(--soft); font-size: .875rem; }
.verdict { font-size: .875rem; font-weight: 600; border-left: 4px solid var(--mark, var(--soft)); padding-left: .6rem;
  align-self: start; }
.verdict-holds { --mark: #009e73; }
.verdict-holds-only-if { --mark: #e69f00; }
.verdict-does-not-hold-here { --mark: #d55e00; }
.verdict-cannot-be-tested-here { --mark: #0072b2; }
.verdict-not-measured-yet { --mark: var(--rule); color: var(--soft); font-weight: 400; }
.tally { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; list-style: none; margin: 1rem 0; padding: 0; }
@media (max-width: 40rem) { .claim { grid-template-columns: minmax(0, 1fr); row-gap: .4rem; } }
"""
PAGE = """
:root { color-scheme: light dark; --text: #1f2328; --soft: #59636e; --rule: #d1d9e0; --back: #fff; --box: #f6f8fa;
  --link: #0060a8; }
@media screen and (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9da7b3; --rule: #3d444d;
  --back: #0d1117; --box: #161b22; --link: #6cb6ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 58rem; background: var(--back); color: var(--text);
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
header p:first-child { color: var(--soft); margin: 0; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .1em 0 .4em; }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 2.6rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; }
a { color: var(--link); }
a:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav ul { display: flex; flex-wrap: wrap; gap: .35rem 1.1rem; list-style: none; padding: .6rem 0; margin: 0;
  border-block: 1px solid var(--rule); }
.answer { margin: .2rem 0 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding: .25rem 0; }
th, td { border-bottom: 1px solid var(--rule); padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top; }
thead th { border-bottom-width: 2px; }
tbody th { font-weight: 600; }
td.number, th.number { text-align: right; padding-right: 1.5rem; }
.date { white-space: nowrap; }
.glance td { min-width: 12rem; width: 44%; }
.note { color: var(--soft); }
code { font: .875em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; background: var(--box); }
"""
PAPER = """
@page { margin: 16mm 14mm; }
@media print { html { font-size: 10pt; } body { max-width: none; padding: 0; line-height: 1.4; } nav { display: none; }
  h2, h3, caption { break-after: avoid; } tr, .question { break-inside: avoid; } .scroll { overflow: visible; }
  thead { display: table-header-group; } a { color: inherit; text-decoration: none; } .glance td { min-width: 0; }
  .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def style() -> str:
    """The whole style sheet."""
    return PAGE + LEDGER + PAPER
