"""The same inputs give the same bytes, in other processes and, where it can be had, with other numbers of threads."""

import json

import numpy as np
import pytest
from tests.faults.stages import STAGES, digests, run, write_params

from disbench import catalogue, score
from disbench.storage import open_table

FIXED = {"OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    write_params(folder)
    for stage in STAGES:
        code, output = run(folder, stage, **FIXED)
        assert code == 0, output
    return folder


def test_two_threads_give_the_same_bytes_twice(folder, tmp_path):
    write_params(tmp_path)
    for stage in STAGES:
        code, output = run(tmp_path, stage, **FIXED)
        assert code == 0, output
    assert digests(tmp_path) == digests(folder)


def test_other_numbers_of_threads_keep_stores_and_scores_and_move_weights_by_rounding_only(folder, tmp_path):
    write_params(tmp_path)
    code, output = run(tmp_path, "convert", OMP_NUM_THREADS="1")
    assert code == 0, output
    one, two = digests(tmp_path / "data/zarr"), digests(folder / "data/zarr")
    assert one == two
    code, output = run(tmp_path, "train", OMP_NUM_THREADS="1")
    assert code == 0, output
    code, output = run(tmp_path, "postprocess", OMP_NUM_THREADS="1")
    assert code == 0, output
    mean, other = (open_table(place / "data/run/table.zarr").mean for place in (tmp_path, folder))
    np.testing.assert_allclose(mean, other, rtol=0, atol=1e-3)


def scores_with(threads, tmp_path, folder):
    """Scores of every metric of a table, computed in a process of its own."""
    found = {}
    for metric in sorted(set(catalogue.names("metrics")) - {"udr"}):
        command = f"evaluate {metric} --params {folder}/params.yaml --table {folder}/data/run/table.zarr --scores"
        code, output = run(tmp_path, f"{command} {metric}.json", OMP_NUM_THREADS=threads, NUMBA_NUM_THREADS=threads)
        assert code == 0, output
        found[metric] = (tmp_path / f"{metric}.json").read_bytes()
    return found


@pytest.mark.slow
def test_scores_do_not_depend_on_the_number_of_threads(folder, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert scores_with("1", tmp_path / "one", folder) == scores_with("2", tmp_path / "two", folder)


def test_a_metric_does_not_move_another(folder):
    """The seed of each comes from its name: what is scored before or beside it does not matter."""
    table = open_table(folder / "data/run/table.zarr")
    rows = np.arange(table.space.num_states)
    codes, factors = table.mean, table.space.factors(rows)
    alone = score("mig", codes, factors)
    score("factor_vae", codes, factors)
    assert score("mig", codes, factors) == alone
    assert json.loads((folder / "reports/metrics/mig.json").read_text()).keys() == alone.keys()
