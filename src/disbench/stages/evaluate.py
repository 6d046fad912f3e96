"""Score a table with one metric."""

from pathlib import Path

from disbench import files, params, scoring, storage


def evaluate(metric: str, *, params_path: Path, table_path: Path, scores_path: Path) -> dict[str, float]:
    """Score the table with the options that params.yaml gives the metric, and write its JSON."""
    settings = params.read(params_path)
    _, options = settings.metric(metric)
    table = storage.open_table(table_path)
    if settings.evaluate.representation == "sampled":
        table = table.sampled()
    scores = scoring.evaluate(metric, table, seed=settings.evaluate.seed, **options)
    files.write_json(scores_path, scores)
    return scores
