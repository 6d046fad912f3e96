"""Scores as the page shows them: a value, a sentence, a place between nothing learned and perfect."""

from dataclasses import dataclass

from disbench.report.meanings import meanings
from disbench.report.points import Points
from disbench.report.run import Run
from disbench.report.standing import Standing, standings


@dataclass(frozen=True)
class Place:
    """Marks of a scale, in per cent of its length."""

    untrained: float
    trained: float
    perfect: float


@dataclass(frozen=True)
class ShownScore:
    """One score.

    Parameters
    ----------
    metric, key, value
        Which, and what the pipeline measured.
    meaning
        In a sentence.
    standing
        The same score of three codes of the same points; None if the metric is not defined for one of them.
    verdict
        Where it stands, in words.
    """

    metric: str
    key: str
    value: float
    meaning: str
    standing: Standing | None
    verdict: str

    @property
    def place(self) -> Place | None:
        """Where the marks of its scale stand."""
        if self.standing is None:
            return None
        values = (self.standing.untrained, self.standing.trained, self.standing.perfect)
        low, high = min(0.0, *values), max(*values)
        # a score that never exceeds 1 has a scale of its own, so that scales can be compared
        high = 1.0 if high <= 1 + 1e-9 else high
        untrained, trained, perfect = (100 * (value - low) / (high - low) for value in values)
        return Place(untrained, trained, perfect)


def shown_scores(run: Run, points: Points) -> tuple[list[ShownScore], dict[str, float]]:
    """Scores that the page explains, and the other numbers of the metrics by full name."""
    explained, others = [], {}
    for metric, values in run.scores.items():
        sentences = meanings(metric, list(values))
        found = standings(metric, run.settings, points)
        for key, value in values.items():
            if key not in sentences:
                others[f"{metric}: {key}"] = value
                continue
            standing = None if isinstance(found, str) else found.get(key)
            explained.append(ShownScore(metric, key, value, sentences[key], standing, _verdict(standing, found)))
    return explained, others


def _verdict(standing: Standing | None, found: object) -> str:
    if standing is None:
        return f"Not defined for all three codes: {found}" if isinstance(found, str) else "No place on a scale."
    progress = standing.progress
    if progress is None:
        return "It does not tell a perfect code from an untrained encoder here."
    if progress < 0:
        return "Below the encoder before training."
    if progress > 1:
        return "Beyond the code of the factors themselves."
    return f"{100 * progress:.0f} % of the way from the encoder before training to a perfect code."
