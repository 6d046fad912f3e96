import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from disbench import params
from disbench.cli import app
from disbench.study import schema

SMALL = {
    "name": "small",
    "datasets": ["toy"],
    "objectives": {"beta_vae": {"beta": [1, 4]}, "dip_vae_i": {"lambda_od": [2, 5], "lambda_d_factor": [10, 20]}},
    "seeds": [3, 7],
    "train": {"num_steps": 10},
    "metrics": {"mig": {"num_train": 100}, "sap": None},
}
SETS = ["dsprites_full", "color_dsprites", "noisy_dsprites", "scream_dsprites", "smallnorb", "cars3d", "shapes3d"]
GRID = {
    "beta_vae": ("beta", [1, 2, 4, 6, 8, 16]),
    "factor_vae": ("gamma", [10, 20, 30, 40, 50, 100]),
    "dip_vae_i": ("lambda_od", [1, 2, 5, 10, 20, 50]),
    "dip_vae_ii": ("lambda_od", [1, 2, 5, 10, 20, 50]),
    "beta_tc_vae": ("beta", [1, 2, 4, 6, 8, 10]),
    "annealed_vae": ("c_max", [5, 10, 25, 50, 75, 100]),
}


def written(tmp_path, **changes):
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}, sort_keys=False))
    return str(path)


@pytest.mark.parametrize(
    ("study", "sets", "num_seeds"),
    [
        ("unsupervised_study_v1", SETS, 50),
        ("fairness_study_v1", SETS, 50),
        ("abstract_reasoning_study_v1", ["shapes3d", "abstract_dsprites"], 5),
    ],
)
def test_numbers_of_the_published_studies(study, sets, num_seeds):
    loaded = schema.load(study)
    number = 0
    for dataset in sets:
        for objective, (hyperparameter, values) in GRID.items():
            for value in values:
                for seed in range(num_seeds):
                    run = loaded.run(number)
                    found = run.dataset, run.train.objective, run.hyperparameters[hyperparameter], run.train.seed
                    assert found == (dataset, objective, value, seed), number
                    number += 1
    assert loaded.num_runs == number


def test_numbers_that_the_reference_prints():
    study = schema.load("unsupervised_study_v1")
    assert study.num_runs == 12600
    assert schema.load("abstract_reasoning_study_v1").num_runs == 360
    run = study.run(50)
    assert (run.dataset, run.hyperparameters, run.train.seed) == ("dsprites_full", {"beta": 2}, 0)
    run = study.run(12599)
    assert (run.dataset, run.train.objective, run.train.seed) == ("shapes3d", "annealed_vae", 49)
    assert run.hyperparameters == {"gamma": 1000, "c_max": 100, "iteration_threshold": 100000}
    assert (run.train.num_steps, run.train.batch_size, run.train.num_latents) == (300000, 64, 10)


def test_seeds_of_metrics_are_drawn_as_the_study_drew_them():
    # nine metrics after the two representations' own; in the other study fairness comes before mig
    drawn = [int(value) for value in np.random.RandomState(0).randint(2**32, size=22, dtype=np.int64)]
    run, with_fairness = (
        schema.load(name).run(number) for name, number in (("unsupervised_study_v1", 7), ("fairness_study_v1", 0))
    )
    assert run.metric_seed("mean", "beta_vae") == with_fairness.metric_seed("mean", "beta_vae") == drawn[2]
    assert run.metric_seed("mean", "unsupervised") == drawn[10]
    assert run.metric_seed("sampled", "beta_vae") == drawn[11]
    assert with_fairness.metric_seed("mean", "mig") == drawn[8]
    assert run.metric_seed("mean", "mig") == drawn[7]


def test_the_last_list_is_fastest_and_a_seed_may_be_any(tmp_path):
    study = schema.load(written(tmp_path))
    runs = [study.run(number) for number in range(study.num_runs)]
    settings = [tuple(run.hyperparameters.values()) for run in runs[::2]]
    assert settings == [(1,), (4,), (2, 10), (2, 20), (5, 10), (5, 20)]
    assert [run.train.seed for run in runs[:4]] == [3, 7, 3, 7]
    assert runs[0].metric_seed("mean", "mig") == 0
    with pytest.raises(ValueError, match="small has the runs 0 to 11; got 12"):
        study.run(12)


def test_a_run_is_what_the_stages_read(tmp_path):
    run = schema.load(written(tmp_path)).run(5)
    params.write(tmp_path / "params.yaml", run.params)
    read = params.read(tmp_path / "params.yaml")
    assert read == run.params
    assert read.objective()[1] == run.hyperparameters
    flat = run.parameters
    assert flat["dataset.name"] == "toy"
    assert flat["objectives.dip_vae_i.lambda_od"] == 2.0
    assert flat["metrics.sap.num_train"] == 10000
    assert flat["train.seed"] == 7
    assert flat["evaluate.representations"] == ["mean"]


def test_a_fingerprint_tells_results_apart(tmp_path):
    study = schema.load(written(tmp_path))
    prints = {study.run(number).fingerprint("sha256:1") for number in range(study.num_runs)}
    assert len(prints) == study.num_runs
    assert study.run(0).fingerprint("sha256:2") not in prints
    same = schema.load(written(tmp_path, train={"num_steps": 10, "log_every": 5, "device": "cpu"}))
    assert {same.run(number).fingerprint("sha256:1") for number in range(study.num_runs)} == prints
    longer = schema.load(written(tmp_path, train={"num_steps": 11}))
    assert longer.run(0).fingerprint("sha256:1") not in prints
    fewer = schema.load(written(tmp_path, metrics={"mig": {"num_train": 99}}))
    assert fewer.run(0).fingerprint("sha256:1") not in prints


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sedes": 3}, "sedes: no parameter called 'sedes'. Did you mean 'seeds'?"),
        ({"train": {"num_stesp": 3}}, "train.num_stesp: no parameter called 'num_stesp'. Did you mean 'num_steps'?"),
        ({"train": {"seed": 3}}, "train.seed: no parameter called 'seed'"),
        ({"objectives": {"beta_va": {}}}, "no objective called 'beta_va'. Did you mean 'beta_vae'?"),
        ({"objectives": {"beta_vae": {"bta": [1]}}}, "objectives.beta_vae.bta: no parameter called 'bta'."),
        ({"objectives": {"beta_vae": {"beta": [1, -1]}}}, "objectives.beta_vae.beta: .* got -1"),
        ({"objectives": {"beta_vae": {"beta": [1, 1]}}}, "expected each value once; got [1, 1]"),
        ({"metrics": {"migg": None}}, "no metric called 'migg'. Did you mean 'mig'?"),
        ({"metrics": {"mig": {"num_bin": 3}}}, "metrics.mig.num_bin: no parameter called 'num_bin'"),
        ({"seeds": 0}, "seeds.*greater than 0; got 0"),
        ({"datasets": []}, "datasets: .* got []"),
        ({"name": "a/b"}, "name: "),
        ({"representations": ["mode"]}, "representations.0: .*'mean' or 'sampled'; got 'mode'"),
    ],
)
def test_a_mistake_is_named(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")) as raised:
        schema.load(written(tmp_path, **changes))
    assert str(raised.value).startswith(str(tmp_path / "small.yaml"))


def test_an_unknown_study_is_named():
    with pytest.raises(ValueError, match=r"Did you mean 'unsupervised_study_v1'\?"):
        schema.load("unsupervised_study_v2")


def test_show_prints_the_configuration():
    command = ["study", "show", "unsupervised_study_v1", "--model-num", "50"]
    result = CliRunner().invoke(app, [*command, "--json"])
    shown = json.loads(result.output)
    assert {name: shown[name] for name in ("dataset", "objective", "hyperparameters", "seed", "num_steps")} == {
        "dataset": "dsprites_full",
        "objective": "beta_vae",
        "hyperparameters": {"beta": 2.0},
        "seed": 0,
        "num_steps": 300000,
    }
    assert (shown["batch_size"], shown["num_latents"], len(shown["metrics"])) == (64, 10, 9)
    assert "  beta: 2.0" in CliRunner().invoke(app, command).output


def test_list_names_the_published_studies():
    result = CliRunner().invoke(app, ["study", "list"], env={"COLUMNS": "200"})
    assert [name for name in (*schema.published(), "12,600", "7 x 36 x 50", "360") if name not in result.output] == []


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", ""])
def test_a_name_is_a_folder_in_that_of_the_results(tmp_path, name):
    with pytest.raises(ValueError, match="name: String should match pattern"):
        schema.load(written(tmp_path, name=name))


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": 10**30},
        {"objectives": {"dip_vae_i": {name: list(range(1, 2000)) for name in ("lambda_od", "lambda_d_factor")}}},
    ],
)
def test_a_grid_that_nobody_can_run_is_refused_before_it_is_written_out(tmp_path, changes):
    with pytest.raises(ValueError, match="expected at most 1,000,000 runs; got"):
        schema.load(written(tmp_path, **changes))
