"""The arithmetic of docs/study-cost.md, done again from what it is about."""

import json

import pytest
import torch
from tests import ROOT

from disbench import catalogue
from disbench.models import Vae, save_model
from disbench.study import schema

PAGE = (ROOT / "docs/study-cost.md").read_text()
STUDY = schema.load("unsupervised_study_v1")
SPACES = {name: catalogue.find("datasets", name) for name in STUDY.datasets}
RUNS_OF_A_SET = STUDY.num_runs // len(STUDY.datasets)
NUM_STEPS = STUDY.run(0).train.num_steps
ROWS = sum(data.space.num_states for data in SPACES.values()) * RUNS_OF_A_SET
NUM_LATENTS = STUDY.run(0).train.num_latents
NUM_SETS = {1: 2, 3: 5}  # by channels that the model sees: dsprites_full and smallnorb are grey, the others in colour


def row(start: str) -> list[str]:
    """Cells of the row of a table that starts so."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def measured(name: str) -> dict[str, float]:
    return json.loads((ROOT / f"benchmarks/results/{name}.json").read_text())


@pytest.fixture(scope="module")
def model_bytes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, int]]:
    """Sizes of the weights of the study's network, by number of channels."""
    sizes = {}
    for channels in (1, 3):
        folder = tmp_path_factory.mktemp("model") / "model"
        save_model(folder, Vae("conv", (64, 64, channels), NUM_LATENTS, torch.Generator().manual_seed(0)), {})
        sizes[channels] = {path.stem: path.stat().st_size for path in folder.glob("*.safetensors")}
    return sizes


def test_the_study_is_the_declared_one():
    assert f"{STUDY.num_runs:,} runs of {NUM_STEPS:,} steps" in PAGE
    settings, seeds = len(STUDY.settings), len(STUDY.seed_values)
    assert f"{settings} settings with {seeds} seeds on each of {len(STUDY.datasets)} data sets" in PAGE.replace(
        "\n", " "
    )


def test_hours_follow_from_rates():
    published = 2.52 * 365 * 24
    assert row("NVIDIA P100, the authors' code")[2:4] == [f"{published / 12600:.2f} h", f"{published:,.0f} GPU-hours"]
    aimed = NUM_STEPS / 3000 / 3600
    cells = row("NVIDIA H100, one model at a time")
    assert cells[1:4] == ["3,000", f"{aimed:.2f} h", f"{aimed * STUDY.num_runs:,.0f} GPU-hours"]
    step = measured("stream")["training step, resident (s)"]
    hours = NUM_STEPS * step / 3600
    expected = [f"{1 / step:.1f}", f"{hours:.1f} h", f"{hours * STUDY.num_runs:,.0f} hours"]
    assert row("two processor cores")[1:4] == expected
    assert f"3,000 steps of one run take {3000 * step / 60:.0f} minutes" in PAGE


def test_bytes_of_models_are_those_of_real_files(model_bytes):
    for num, word in ((1, "one channel"), (3, "three channels")):
        size = sum(model_bytes[num].values())
        total = size * NUM_SETS[num] * RUNS_OF_A_SET
        assert row(f"encoder and decoder, {word}")[1:] == [
            f"{size:,}", f"{total / 1e9:.2f} GB", f"{NUM_SETS[num]} of the data sets"
        ]  # fmt: skip
    encoders = sum(model_bytes[num]["encoder"] * count * RUNS_OF_A_SET for num, count in NUM_SETS.items())
    assert row("encoders alone")[2] == f"{encoders / 1e9:.2f} GB"
    assert row("encoders alone")[1] == f"{encoders / STUDY.num_runs / 1e6:.2f} MB"


def test_bytes_of_results_are_those_of_the_benchmark():
    figures = measured("study_table")
    assert figures["runs"] == STUDY.num_runs
    size = figures["bytes of the result files"]
    assert row("result files")[1:3] == [f"{size / STUDY.num_runs:,.0f}", f"{size / 1e9:.2f} GB"]
    assert row("the table, Parquet")[2] == f"{figures['bytes of the parquet'] / 1e6:.1f} MB"
    assert row("the table, CSV")[2] == f"{figures['bytes of the csv'] / 1e9:.2f} GB"


def test_bytes_of_codes_follow_from_the_grids():
    kept = ROWS * NUM_LATENTS * 4 * 3  # means; means and variances
    cells = row("codes, with `--keep-tables`")
    assert cells[1:3] == [f"{kept / STUDY.num_runs / 1e6:.2f} MB", f"{kept / 1e9:.0f} GB"]
    half = ROWS * NUM_LATENTS * 2
    assert row("codes, means as float16")[1:3] == [f"{half / STUDY.num_runs / 1e6:.2f} MB", f"{half / 1e9:.0f} GB"]
    dsprites = SPACES["dsprites_full"].space.num_states * NUM_LATENTS * 4 * 2
    assert f"instead of {dsprites / 1e6:.1f}" in PAGE.replace("\n", " ")


def test_codes_are_compared_with_models(model_bytes):
    models = sum(sum(model_bytes[num].values()) * count * RUNS_OF_A_SET for num, count in NUM_SETS.items())
    assert f"{ROWS * NUM_LATENTS * 12 / models:.0f} times as large as all models" in PAGE


def test_bytes_of_curves_follow_from_a_real_run():
    assert "17 of 30 rows, have 13,032 bytes" in PAGE
    size = 13_032 / 30 * NUM_STEPS / 100
    cells = row("curves, a row each 100 steps")
    total = size * STUDY.num_runs / 1e9
    assert cells[1:4] == [f"{size / 1e6:.2f} MB", f"{total:.2f} GB", f"with `log_every: 1000` {total / 10:.2f} GB"]
