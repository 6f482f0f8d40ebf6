"""How a page carries its report as JSON, and a checksum of everything else that it shows."""

import hashlib
import json
import re
from typing import Any

BEGIN, END = '<script type="application/json" id="report">', "</script>"
SEAL = re.compile(r'<meta name="report-page-sha256" content="([0-9a-f]{64})">')
BLANK = '<meta name="report-page-sha256" content="' + 64 * "0" + '">'


def embedded(report: dict[str, Any]) -> str:
    """The report as an element that a browser neither runs nor shows."""
    return BEGIN + json.dumps(report, allow_nan=False).replace("<", "\\u003c") + END


def sealed(page: str) -> str:
    """The page with the checksum of itself in place of the blank one, which is what it is computed over."""
    return page.replace(BLANK, BLANK.replace(64 * "0", page_checksum(page)), 1)


def page_checksum(page: str) -> str:
    """SHA-256 of the page with a blank checksum; whatever ends its lines."""
    blank = SEAL.sub(BLANK, page.replace("\r\n", "\n"), count=1)
    return hashlib.sha256(blank.encode("utf-8", errors="surrogatepass")).hexdigest()


def seal_of(page: str) -> str | None:
    """The checksum that a page says it has; None where it says none."""
    found = SEAL.search(page)
    return found[1] if found else None


def cut_out(page: str) -> str | None:
    """The JSON that a page carries; None where there is not exactly one."""
    _, begin, rest = page.partition(BEGIN)
    inside, end, after = rest.partition(END)
    return inside if begin and end and BEGIN not in after else None
