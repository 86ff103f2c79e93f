"""The sheet as one HTML file, which needs no server and loads nothing."""

import hashlib
import json
from dataclasses import asdict
from importlib.resources import files

from pipeline.evaluation.sheet.comparison import Comparison

# Within a script element only these could end it, or begin a comment.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def render_page(comparison: Comparison) -> str:
    """The page: markup, style, script and data."""
    folder = files("pipeline.evaluation.sheet")
    data = asdict(comparison)
    # A browser keeps the answers of all local files in one place: each sheet has a key of its own.
    content = json.dumps(data, ensure_ascii=False, sort_keys=True)
    data["id"] = hashlib.sha256(content.encode()).hexdigest()[:16]
    parts = {
        "/* style */": (folder / "page.css").read_text(encoding="utf-8"),
        "/* script */": (folder / "page.js").read_text(encoding="utf-8"),
        "/* data */": json.dumps(data, ensure_ascii=False).translate(_ESCAPES),
    }
    page = (folder / "page.html").read_text(encoding="utf-8")
    for mark, text in parts.items():  # the data last: it may hold anything, marks too
        before, _, after = page.partition(mark)
        page = before + text + after
    return page
