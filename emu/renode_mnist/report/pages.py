"""What all pages share that are files of their own: one base, one style, one script, and who made them when.

A page is one file that loads nothing: its policy forbids it, whatever were to get into it. Style and script are
written into it from `static/`, where the templates stand too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import jinja2
from markupsafe import Markup

from renode_mnist import paths, version


def render(template: str, *, identity: Sequence[tuple[str, str]] = (), **values: Any) -> str:
    """A page.

    Args:
        template: Its file in `static/`, which extends `base.html`.
        identity: What produced its figures, shown at the top.
        values: Of the template.
    """
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(paths.report_static()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(asset=asset, made=_made(), version=version.version())
    environment.filters["anchor"] = _anchor
    return environment.get_template(template).render(identity=list(identity), **values)


def asset(name: str) -> Markup:
    """A file of `static/`, as it is."""
    return Markup((paths.report_static() / name).read_text(encoding="utf-8"))


def _made() -> str:
    """The minute; that of SOURCE_DATE_EPOCH where it is set, so that a page can be made again to the same bytes."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(seconds), UTC) if seconds.isdecimal() else datetime.now(UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _anchor(title: str) -> str:
    """A title as the end of an address."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
