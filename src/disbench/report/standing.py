"""Where a score stands between an encoder that has learned nothing and a code that is the factors."""

from collections.abc import Mapping
from dataclasses import dataclass

from disbench.catalogue import check_options, find, options
from disbench.metrics._options import DrawnPoints
from disbench.params import Params
from disbench.report.points import Points
from disbench.seeds import derive_rng
from disbench.table import FloatArray


@dataclass(frozen=True)
class Standing:
    """One score of three codes of the same points."""

    untrained: float
    trained: float
    perfect: float

    @property
    def progress(self) -> float | None:
        """Share of the way from untrained to perfect; None if these two do not differ."""
        way = self.perfect - self.untrained
        return (self.trained - self.untrained) / way if abs(way) > 1e-6 else None


def standings(metric: str, settings: Params, points: Points) -> Mapping[str, Standing] | str:
    """Standing of every score of a metric, or the sentence of the metric that says why it has none."""
    try:
        untrained, trained, perfect = (
            _score(metric, settings, points, codes) for codes in (points.untrained, points.trained, points.perfect)
        )
    except ValueError as error:  # it is not defined for a code of so few latents, say
        return str(error)
    shared = [key for key in trained if key in untrained and key in perfect]
    return {key: Standing(untrained[key], trained[key], perfect[key]) for key in shared}


def _score(metric: str, settings: Params, points: Points, codes: FloatArray) -> dict[str, float]:
    function, chosen = settings.metric(metric)
    fields = options(function).model_fields
    # all points are used, so that an option which says how many to draw has no say
    drawn = {name for name, field in fields.items() if any(isinstance(m, DrawnPoints) for m in field.metadata)}
    checked = check_options(metric, find("metrics", metric), {k: v for k, v in chosen.items() if k not in drawn})
    scores: dict[str, float] = function(points.labelled(codes), derive_rng(settings.evaluate.seed, metric), **checked)
    return scores
