from typing import Annotated, Literal

import pytest
from pydantic import Field, PositiveInt

from disbench import catalogue


def tightness(
    table,
    rng,
    *,
    num_bins: PositiveInt = 20,
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5,
    mode: Literal["a"] = "a",
):
    return {}


class Pull:
    def __init__(self, *, strength: float) -> None:
        self.strength = strength


def test_the_signature_is_the_schema():
    assert catalogue.check_options("tightness", tightness, {"num_bins": 7}) == {
        "num_bins": 7,
        "share": 0.5,
        "mode": "a",
    }
    assert catalogue.check_options("pull", Pull, {"strength": 4}) == {"strength": 4.0}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_bin": 7}, "tightness.num_bin: no parameter called 'num_bin'. Did you mean 'num_bins'?"),
        ({"num_bins": 0}, "tightness.num_bins: Input should be greater than 0; got 0"),
        ({"share": 1.5}, "tightness.share: Input should be less than 1; got 1.5"),
        ({"mode": "b"}, "tightness.mode: Input should be 'a'; got 'b'"),
    ],
)
def test_wrong_options_are_named(values, message):
    with pytest.raises(ValueError, match="tightness") as caught:
        catalogue.check_options("tightness", tightness, values)
    assert message in str(caught.value)


def test_a_missing_option_is_named():
    with pytest.raises(ValueError, match="pull.strength: Field required"):
        catalogue.check_options("pull", Pull, {})


@pytest.mark.parametrize("kind", ["datasets", "objectives", "metrics"])
def test_every_name_is_found_and_documented(kind):
    assert catalogue.names(kind)
    for name in catalogue.names(kind):
        found = catalogue.find(kind, name)
        if kind == "datasets":
            assert found.space.num_states > 0
        else:
            assert found.__doc__
            assert found.__module__ == f"disbench.{kind}.{name}"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("metrics", "factorvae", "no metric called 'factorvae'. Did you mean 'factor_vae'? Available: "),
        ("objectives", "beta_va", "no objective called 'beta_va'. Did you mean 'beta_vae'?"),
        ("datasets", "dsprite_full", "no data set called 'dsprite_full'. Did you mean 'dsprites_full'?"),
        ("metrics", "_options", "no metric called '_options'"),
        ("metrics", "../params", "no metric called '../params'"),
    ],
)
def test_near_misses_are_named(kind, name, message):
    with pytest.raises(ValueError, match="no .* called") as caught:
        catalogue.find(kind, name)
    assert message in str(caught.value)


def test_a_users_own_metric_is_found(tmp_path, monkeypatch):
    (tmp_path / "my_lab_metrics.py").write_text(
        "def tightness(table, rng, *, power: int = 2):\n    return {'t': 1.0}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *__import__("sys").path])
    found = catalogue.find("metrics", "my_lab_metrics:tightness")
    assert catalogue.check_options("t", found, {}) == {"power": 2}
    with pytest.raises(ValueError, match="no attribute called 'tightnes'. Did you mean 'tightness'"):
        catalogue.find("metrics", "my_lab_metrics:tightnes")
    with pytest.raises(ValueError, match="no module called 'their_lab' for 'their_lab:x'; put it beside params.yaml"):
        catalogue.find("metrics", "their_lab:x")
