import pytest
from typer.testing import CliRunner

from disbench.cli import app
from disbench.study import schema
from disbench.study.plan import plan


def runs_of(study):
    loaded = schema.load(study)
    return [loaded.run(number) for number in range(loaded.num_runs)]


def test_a_plan_multiplies_what_it_measures(study, data):
    file = study(objectives={"beta_vae": {"beta": [1, 4]}, "factor_vae": {"steps": "reference"}})
    parts = plan(runs_of(file), str(data))
    assert [(part.dataset, part.objective, part.num_runs) for part in parts] == [
        ("tiny", "beta_vae", 4), ("tiny", "factor_vae", 2), ("small", "beta_vae", 4), ("small", "factor_vae", 2),
    ]  # fmt: skip
    for part in parts:
        num_updates = 4 if part.objective == "beta_vae" else 2
        seconds = part.step_seconds * num_updates * part.num_runs
        assert part.train_hours * 3600 == pytest.approx(seconds, rel=1e-12)
        assert part.table_bytes == 24 * 3 * 2 * 4 * part.num_runs
    encoder = sum(a * b + b for a, b in ((256, 1200), (1200, 1200), (1200, 6)))
    decoder = sum(a * b + b for a, b in ((3, 1200), (1200, 1200), (1200, 1200), (1200, 256)))
    assert parts[0].encoder_bytes == 4 * 4 * (encoder + decoder)


def test_plan_says_runs_hours_and_bytes(study, data):
    arguments = ["study", "plan", study(), "--data", str(data), "--where", "dataset=tiny"]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "150"}, catch_exceptions=False)
    assert done.exit_code == 0
    assert "4 runs; " in done.output
    assert "hours to train and encode on this machine" in done.output
    assert "2.3 kB of representations" in done.output
