"""The page: everything in one file, which asks for nothing from elsewhere."""

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

from bokeh.resources import Resources
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

# in the order in which they need each other
_MODULES = ("float16", "layers", "decoder", "canvas", "filmstrips", "explorer", "tables", "plots", "comparison", "main")
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def render(template: str, **context: Any) -> str:
    """Page of a template of this package; whatever comes from outside is escaped.

    A content security policy names the scripts by their hashes: no other runs, and nothing can be requested.
    """
    scripts = {"bokeh": _bokeh(), "page": f'"use strict";\n(() => {{\n{join_modules(_MODULES)}}})();\n'}
    environment = Environment(
        loader=PackageLoader("disbench.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["number"] = number
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # Bokeh names an object before it refers to it
    return environment.get_template(template).render(
        policy=_policy(scripts.values()),
        style=Markup(_static("style.css")),  # noqa: S704 - a file of this package
        scripts={name: Markup(text) for name, text in scripts.items()},  # noqa: S704 - likewise, and Bokeh's
        **context,
    )


def number(value: float, digits: int = 3) -> str:
    """Number for people: as many significant digits as asked for, no exponent where none is needed."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.{digits}f}" if 0.001 <= abs(value) < 1 else f"{value:.{digits}g}"
    return text.replace("-", "−")


def join_modules(modules: Sequence[str]) -> str:
    """ES modules of this package as the body of one function: names are unique, so that imports can fall away."""
    return _EXPORT.sub("", "\n".join(_IMPORT.sub("", _static(f"{name}.js")) for name in modules))


def _bokeh() -> str:
    text: str = Resources(mode="inline", components=["bokeh"]).js_raw[0]
    return text.replace("\r", "").replace("</script", r"<\/script")


def _policy(scripts: Any) -> str:
    hashes = (b64encode(sha256(text.encode()).digest()).decode() for text in scripts)
    sources = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return f"default-src 'none'; script-src {sources}; style-src 'unsafe-inline'; img-src data:; font-src data:"


def _static(name: str) -> str:
    return files("disbench.report").joinpath("static", name).read_text(encoding="utf-8")
