"""Loss curves as Bokeh figures: the library is well kept, its script is inlined, and it draws without eval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bokeh.core.properties import value
from bokeh.embed import json_item
from bokeh.models import HoverTool
from bokeh.models.annotations import Legend, LegendItem
from bokeh.plotting import figure

from disbench.report.latents import Latent
from disbench.report.run import Curve

# Okabe and Ito's colours, which colour-blind readers tell apart; black and yellow vanish on one of the two grounds
_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_DASHES = ("solid", "dashed", "dotted", "dotdash")
_FADED = "#888888"
_NOT_TERMS = {"loss", "reconstruction", "elbo", "gradient_norm", "steps_per_second"}


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure: its heading, what it shows in words, and what Bokeh embeds."""

    title: str
    text: str
    item: Any


def training_figures(curves: Mapping[str, Curve], latents: list[Latent]) -> list[Figure]:
    """Loss, terms of the objective, KL divergence of each latent, and norm of the gradient, as far as logged."""
    loss = {name: curves[name] for name in ("loss", "reconstruction") if name in curves}
    terms = {name: c for name, c in curves.items() if name not in _NOT_TERMS and not name.startswith("kl_latent_")}
    ranked = [latent for latent in latents if f"kl_latent_{latent.index}" in curves]
    divergence = {f"z{latent.index}": curves[f"kl_latent_{latent.index}"] for latent in ranked}
    faded = {f"z{latent.index}" for latent in ranked if latent.dead}
    groups = (
        ("Loss and reconstruction", "nats an image", loss, set[str]()),
        ("Terms of the objective", "nats an image", terms, set[str]()),
        ("KL divergence of each latent", "nats", divergence, faded),
        ("Norm of the gradient", "", {n: c for n, c in curves.items() if n == "gradient_norm"}, set[str]()),
    )
    return [_lines(*group) for group in groups if any(curve.steps for curve in group[2].values())]


def _lines(title: str, unit: str, curves: Mapping[str, Curve], faded: set[str]) -> Figure:
    plot = figure(height=280, sizing_mode="stretch_width", toolbar_location=None, tools="")
    plot.xaxis.axis_label, plot.yaxis.axis_label = "step", unit
    named: list[tuple[str, list[Any]]] = []
    for number, (name, curve) in enumerate(curves.items()):
        aside = name in faded
        drawn = plot.line(
            curve.steps,
            curve.values,
            name=name,
            line_width=1 if aside else 2,
            color=_FADED if aside else _COLORS[number % len(_COLORS)],
            line_dash=_DASHES[number // len(_COLORS) % len(_DASHES)],
        )
        if not aside and len(curves) > 1:
            named.append((name, [drawn]))
        tips = [("", "$name"), ("step", "@x{0,0}"), ("value", "@y{0.000}")]
        plot.add_tools(HoverTool(renderers=[drawn], tooltips=tips, mode="mouse"))
    if named:
        legend = Legend(items=[LegendItem(label=value(name), renderers=drawn) for name, drawn in named])
        legend.update(orientation="horizontal", ncols=5)
        plot.add_layout(legend, "above")
    return Figure(title, _in_words(curves), json_item(plot))


def _in_words(curves: Mapping[str, Curve]) -> str:
    """The first and the last value of each curve, for whoever cannot see it."""
    return "; ".join(
        f"{name} from {curve.values[0]:.4g} at step {curve.steps[0]:,} to {curve.values[-1]:.4g} at step "
        f"{curve.steps[-1]:,}"
        for name, curve in curves.items()
        if curve.steps
    )
