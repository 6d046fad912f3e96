import pytest
import yaml

from disbench import params
from tests import ROOT


def changed(tmp_path, *path_and_value):
    *path, last, value = path_and_value
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    section = content
    for part in path:
        section = section.setdefault(part, {})
    section[last] = value
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def test_the_committed_file_is_valid():
    params.check(ROOT / "params.yaml", ["mig", "dci"])
    read = params.read(ROOT / "params.yaml")
    assert read.dataset.name == "dsprites_full"
    objective, options = read.objective()
    assert objective.__name__ == "BetaVae"
    assert options["beta"] == 4.0
    metric, options = read.metric("mig")
    assert metric.__name__ == "mig"
    assert options["num_bins"] == 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("dataset", "name", "dsprites_ful"), "no data set called 'dsprites_ful'. Did you mean 'dsprites_full'?"),
        (("train", "num_stepz", 3), "train.num_stepz: no parameter called 'num_stepz'. Did you mean 'num_steps'?"),
        (("train", "num_steps", "many"), "train.num_steps: Input should be a valid integer"),
        (("train", "objective", "beta_va"), "no objective called 'beta_va'. Did you mean 'beta_vae'?"),
        (("trian", {}), "trian: no parameter called 'trian'. Did you mean 'train'?"),
        (("objectives", "beta_vae", "betta", 4), "objectives.beta_vae.betta: no parameter called 'betta'"),
        (("metrics", "mig", "num_bins", -1), "metrics.mig.num_bins: Input should be greater than 0; got -1"),
        (("metrics", "migg", {}), "no metric called 'migg'. Did you mean 'mig'?"),
        (("metrics", "lab:m", {}), "no module called 'lab' for 'lab:m'"),
    ],
)
def test_mistakes_are_found_before_anything_runs(tmp_path, change, message):
    with pytest.raises(ValueError, match=r"params\.yaml") as caught:
        params.check(changed(tmp_path, *change), ["mig"])
    assert message in str(caught.value)


def test_a_squared_error_has_no_entropy_to_subtract(tmp_path):
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["train"] |= {"reconstruction": "squared_error", "subtract_entropy": True}
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match="train: subtract_entropy expects reconstruction bernoulli; a squared_error"):
        params.read(file)


def test_a_metric_of_the_pipeline_is_checked_too():
    with pytest.raises(ValueError, match="no metric called 'factorvae'. Did you mean 'factor_vae'"):
        params.check(ROOT / "params.yaml", ["mig", "factorvae"])


def test_ones_own_data_set_is_known_by_its_store(tmp_path):
    file, store = changed(tmp_path, "dataset", "name", "mine"), tmp_path / "mine.zarr"
    with pytest.raises(ValueError, match=r"no data set called 'mine'[\s\S]*there is no store at .*mine\.zarr"):
        params.check(file, [], store)
    store.mkdir()
    params.check(file, [], store)


def test_all_mistakes_are_told_at_once(tmp_path):
    file = changed(tmp_path, "metrics", "migg", {})
    content = yaml.safe_load(file.read_text())
    content["dataset"]["name"] = "cars"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match="no data set called 'cars'") as caught:
        params.check(file, [])
    assert "no metric called 'migg'" in str(caught.value)


def test_a_dotted_name_is_a_block_in_a_block(tmp_path, monkeypatch):
    package = tmp_path / "my_lab"
    package.mkdir()
    (package / "scores.py").write_text("def tightness(table, rng, *, power: int = 2):\n    return {'t': 1.0}\n")
    monkeypatch.syspath_prepend(tmp_path)
    file = changed(tmp_path, "metrics", "my_lab", "scores:tightness", {"power": 3})
    params.check(file, ["my_lab.scores:tightness"])
    assert params.read(file).metric("my_lab.scores:tightness")[1] == {"power": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not readable as YAML"),
        ("- 1", "expected a mapping of sections; got list"),
        ("!!python/object/apply:os.system ['true']", "not readable as YAML"),
        ("dataset: {name: toy}", "train: Field required"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    file = tmp_path / "params.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        params.read(file)


LEVELS = (f"&{new} [{f'*{old}, ' * 9}]" for old, new in zip("abcdef", "bcdefg", strict=True))
BOMB = f"[&a [1], {', '.join(LEVELS)}]"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: " + "[" * 60 + "]" * 60, "expected at most 50 levels"),
        ("a: &a [*a]", "an alias counted as all that it stands for"),
        (BOMB, "expected at most 100,000 values"),
        ("a: !!timestamp no", "not readable as YAML"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
    ],
)
def test_yaml_that_would_take_all_memory_or_make_objects_is_refused(tmp_path, content, message):
    (tmp_path / "params.yaml").write_text(content)
    with pytest.raises(ValueError, match=message):
        params.read_mapping(tmp_path / "params.yaml")


def test_yaml_may_have_aliases(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &a {b: [1, 2]}\nc: {<<: *a, d: *a}\n")
    assert params.read_mapping(tmp_path / "a.yaml") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2], "d": {"b": [1, 2]}}}


def test_a_seed_fits_a_column_of_whole_numbers(tmp_path):
    with pytest.raises(ValueError, match="train.seed: Input should be less than 9223372036854775808"):
        params.read(changed(tmp_path, "train", "seed", 2**63))
