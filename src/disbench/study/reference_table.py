"""The results of a study under disentanglement_lib's names, for notebooks written for its aggregated JSON."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from disbench import files
from disbench.study.results import RunResult

_MODELS = {"beta_vae": "vae", "dip_vae_i": "dip_vae", "dip_vae_ii": "dip_vae"}
_TRAIN = {
    "train.seed": "model.random_seed",
    "train.num_steps": "model.training_steps",
    "train.batch_size": "model.batch_size",
    "train.num_latents": "encoder.num_latent",
    "train.learning_rate": "vae/AdamOptimizer.learning_rate",
}
_TRAIN_FUNCTIONS = {
    "train.architecture": {
        "conv": {"encoder.encoder_fn": "@conv_encoder", "decoder.decoder_fn": "@deconv_decoder"},
        "fc": {"encoder.encoder_fn": "@fc_encoder", "decoder.decoder_fn": "@fc_decoder"},
    },
    "train.reconstruction": {
        "bernoulli": {"reconstruction_loss.loss_fn": "@bernoulli_loss"},
        "squared_error": {"reconstruction_loss.loss_fn": "@l2_loss"},
    },
}
_TRAINED = {"reconstruction": "reconstruction_loss", "kl": "kl_loss", "elbo": "elbo"}
_EVALUATIONS = {
    "beta_vae": "beta_vae_sklearn",
    "factor_vae": "factor_vae_score",
    "mce": "modularity_explicitness",
    "sap": "sap_score",
    "unsupervised": "unsupervised_metrics",
    "downstream_boosted_trees": "downstream_task",
    "downstream_logistic_regression": "downstream_task",
    "reduced_downstream": "reduced_downstream_task",
    "strong_downstream": "strong_downstream_task",
}
_PREDICTORS = {
    "downstream_boosted_trees": "gradient_boosting_classifier",
    "downstream_logistic_regression": "logistic_regression_cv",
}
_OPTIONS = {"num_bins": "discretizer.num_bins", "prune_threshold": "prune_dims.threshold"}


def write_reference_table(results: Iterable[RunResult], path: Path) -> tuple[int, int]:
    """Write columns by name, each with its values by row; failed runs have no rows.

    A row is one metric on one representation of one run. As there, settings are texts as gin writes them; numbers that
    were measured are numbers. Unlike there, a row stands only in the columns in which it has a value, which
    `pandas.read_json` fills in; and there is no `evaluation_results.elapsed_time`.

    Returns
    -------
    num_rows, num_failed
        Of what was written, and of failed runs.

    Raises
    ------
    ValueError
        If the file is not called .json.
    """
    if path.suffix != ".json":
        raise ValueError(f"the reference's format is JSON: expected a file called .json; got {str(path)!r}")
    columns: dict[str, dict[int, Any]] = {}
    num_rows = num_failed = 0
    for result in results:
        if result.status == "failed":
            num_failed += 1
            continue
        for row in rows(result):
            for name, value in row.items():
                columns.setdefault(name, {})[num_rows] = value
            num_rows += 1
    files.write_bytes(path, json.dumps(columns, separators=(",", ":")).encode())
    return num_rows, num_failed


def rows(result: RunResult) -> Iterator[dict[str, Any]]:
    """Yield a row by column for each representation and metric of a run."""
    of_run = {f"train_config.{name}": value for name, value in _train_config(result).items()}
    of_run |= {f"train_results.{name}": value for name, value in _train_results(result).items()}
    for representation, metrics in result.scores.items():
        of_codes = {
            **of_run,
            "postprocess_config.postprocess.postprocess_fn": f"@{representation}_representation",
            "postprocess_results.uuid": f"{result.fingerprint}/{representation}",
        }
        for metric, scores in metrics.items():
            of_metric = _evaluation_config(result, representation, metric)
            yield {
                "path": f"runs/{result.fingerprint}/{representation}/{metric}",
                **of_codes,
                **{f"evaluation_config.{name}": value for name, value in of_metric.items()},
                "evaluation_results.uuid": f"{result.fingerprint}/{representation}/{metric}",
                **{f"evaluation_results.{name}": value for name, value in scores.items()},
            }


def _train_config(result: RunResult) -> dict[str, str]:
    parameters = result.parameters
    objective = str(parameters.get("train.objective"))
    model = _MODELS.get(objective, objective)
    config = {
        "dataset.name": _gin(parameters.get("dataset.name")),
        "model.name": _gin(objective),
        "model.model": f"@{model}()",
        "model.model_num": _gin(result.number),
    }
    config |= {name: _gin(parameters[own]) for own, name in _TRAIN.items() if own in parameters}
    for own, functions in _TRAIN_FUNCTIONS.items():
        config |= functions.get(str(parameters.get(own)), {})
    prefix = f"objectives.{objective}."
    options = {name.removeprefix(prefix): value for name, value in parameters.items() if name.startswith(prefix)}
    if model == "dip_vae":
        options["dip_type"] = objective.removeprefix("dip_vae_")
    return config | {f"{model}.{name}": _gin(value) for name, value in options.items()}


def _train_results(result: RunResult) -> dict[str, Any]:
    found: dict[str, Any] = {_TRAINED.get(name, name): value for name, value in result.training.items()}
    if "train.num_steps" in result.parameters:
        found["global_step"] = result.parameters["train.num_steps"]
    if "train" in result.seconds:
        found["elapsed_time"] = result.seconds["train"]
    return found | {"uuid": result.fingerprint}


def _evaluation_config(result: RunResult, representation: str, metric: str) -> dict[str, str]:
    function = _EVALUATIONS.get(metric, metric)
    config = {"evaluation.evaluation_fn": f"@{function}", "dataset.name": "'auto'"}
    seed = _evaluation_seed(result, representation, metric)
    if seed is not None:
        config["evaluation.random_seed"] = _gin(seed)
    if metric in _PREDICTORS:
        config["predictor.predictor_fn"] = f"@{_PREDICTORS[metric]}"
    prefix = f"metrics.{metric}."
    options = {name.removeprefix(prefix): value for name, value in result.parameters.items() if name.startswith(prefix)}
    return config | {_OPTIONS.get(name, f"{function}.{name}"): _gin(value) for name, value in options.items()}


def _evaluation_seed(result: RunResult, representation: str, metric: str) -> object:
    """The seed drawn for the metric; by name, the one that all derive theirs from. None if the file does not tell."""
    if result.parameters.get("evaluate.metric_seeds") == "drawn":
        return result.metric_seeds.get(representation, {}).get(metric)
    return result.parameters.get("evaluate.seed")


def _gin(value: object) -> str:
    """A value as gin writes it, which for these types is as Python does."""
    return repr(value)
