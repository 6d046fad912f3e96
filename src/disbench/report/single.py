"""The page of one run."""

from typing import Any

from disbench.models import load_decoder
from disbench.report.decoder import embed_decoder
from disbench.report.examples import draw_examples
from disbench.report.facts import duration_text, facts, training_seconds
from disbench.report.figures import training_figures
from disbench.report.latents import Latent, describe_latents, table_shares
from disbench.report.matrices import relation_matrices
from disbench.report.page import render
from disbench.report.points import draw_points
from disbench.report.run import Run
from disbench.report.scores import shown_scores
from disbench.seeds import derive_rng


def single_page(run: Run) -> str:
    """HTML page of a finished run."""
    seed = run.settings.evaluate.seed
    points = draw_points(run)
    latents = describe_latents(run.table, table_shares(run.table, derive_rng(seed, "information")))
    names = run.table.space.factor_names
    scores, others = shown_scores(run, points)
    return render(
        "run.html",
        run=run,
        summary=_summary(run),
        explorers=[explorer(run, latents)],
        latents=latents,
        scores=scores,
        others=others,
        num_points=len(points.factors),
        matrices=relation_matrices(points.labelled(points.trained), names),
        figures=training_figures(run.curves, latents),
        facts=facts(run),
    )


def explorer(run: Run, latents: list[Latent]) -> dict[str, Any]:
    """What the latent explorer needs: images with their codes, latents with their ranges, and the decoder."""
    decoder = load_decoder(run.model_path)
    return {
        "name": run.title,
        "group": run.store.checksum,
        "examples": draw_examples(run),
        "latents": latents,
        "num_latents": run.table.num_latents,
        "decoder": embed_decoder(decoder, run.description["train"]["activation"]),
    }


def _summary(run: Run) -> list[str]:
    train = run.description["train"]
    parts = [f"{train['num_steps']:,} steps", f"seed {train['seed']}"]
    parts += [f"{name} {value}" for name, value in run.description["hyperparameters"].items()]
    speed = run.curves.get("steps_per_second")
    return [*parts, f"trained in {duration_text(training_seconds(speed))}"] if speed else parts
