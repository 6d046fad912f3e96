"""A study as a stage of DVC."""

import pytest
from tests.test_pipeline import Repository


@pytest.mark.slow
def test_the_stage_runs_the_study_and_tracks_its_table(tmp_path):
    repository = Repository(tmp_path)
    study = repository.path / "reports/study/study.yaml"
    study.write_text(study.read_text().replace("num_steps: 200", "num_steps: 3"))
    output = repository.dvc("repro", "reports/study/dvc.yaml")
    assert "8 runs finished and 0 failed now" in output
    assert (repository.path / "reports/study/results.parquet").is_file()
    assert "up to date" in repository.dvc("repro", "reports/study/dvc.yaml")
