import numpy as np
import pytest

import disbench
from disbench import FactorSpace, RepresentationTable

SPACE = FactorSpace(("shape", "x", "y"), (3, 5, 4))
FACTORS = SPACE.factors(np.arange(SPACE.num_states))
CODES = np.concatenate([FACTORS, FACTORS[:, :1] * FACTORS[:, 1:2]], axis=1).astype(np.float64)


def test_score_uses_every_point_and_evaluate_draws_them():
    by_hand = disbench.score("mig", CODES, FACTORS)
    assert by_hand == disbench.score("mig", CODES.tolist(), FACTORS.astype(float), seed=7)
    table = RepresentationTable.from_codes(SPACE, CODES)
    drawn = [disbench.evaluate("mig", table, seed=seed)["discrete_mig"] for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == pytest.approx(by_hand["discrete_mig"], abs=0.02)


def test_predictors_are_tested_on_the_test_points():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(60, 4))
    given = disbench.score("sap", CODES, FACTORS, codes_test=noise, factors_test=FACTORS)
    assert given["SAP_score"] < disbench.score("sap", CODES, FACTORS)["SAP_score"]
    order = rng.permutation(60)
    split = disbench.score("sap", CODES[order], FACTORS[order], train_fraction=0.75)
    first, rest = order[:45], order[45:]
    same = disbench.score("sap", CODES[first], FACTORS[first], codes_test=CODES[rest], factors_test=FACTORS[rest])
    assert split == same


def test_a_users_own_metric_is_scored(tmp_path, monkeypatch):
    (tmp_path / "our_scores.py").write_text(
        "def spread(table, rng, *, power: int = 1):\n"
        "    codes, factors = table.sample(100, rng)\n"
        "    return {'spread': float((codes.std(axis=0) ** power).mean())}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    expected = pytest.approx(CODES.var(axis=0).mean())
    assert disbench.score("our_scores:spread", CODES, FACTORS, power=2) == {"spread": expected}


@pytest.mark.parametrize(
    ("codes", "factors", "options", "message"),
    [
        (
            CODES.T,
            FACTORS.T,
            {},
            r"got shapes \(4, 60\) and \(3, 60\)\. They look like dimensions first: pass codes\.T",
        ),
        (CODES, FACTORS[:9], {}, r"got shapes \(60, 4\) and \(9, 3\)"),
        (CODES[:, 0], FACTORS, {}, r"codes with two axes, one row a point; got shape \(60,\)"),
        (CODES, FACTORS[:, 0], {}, r"factors with two axes, one row a point; got shape \(60,\)"),
        (CODES[:0], FACTORS[:0], {}, r"got shape \(0, 4\)"),
        (np.where(CODES == 3, np.nan, CODES), FACTORS, {}, "finite values in codes; got .* NaN"),
        (CODES.astype(str), FACTORS, {}, "numbers in codes; got <U"),
        (CODES.astype(object), FACTORS, {}, "numbers in codes; got object"),
        (CODES, FACTORS, {"num_train": 10}, "every one is used"),
        (CODES, FACTORS, {"num_bin": 10}, "no parameter called 'num_bin'. Did you mean 'num_bins'"),
        (CODES, FACTORS, {"codes_test": CODES}, "both codes_test and factors_test"),
        (CODES, FACTORS, {"codes_test": CODES[:, 1:], "factors_test": FACTORS}, "as many columns; got 4 and 3"),
        (CODES, FACTORS, {"train_fraction": 1.0}, r"a train_fraction in \(0, 1\)"),
        (CODES, FACTORS, {"train_fraction": 0.999}, "leaves points to train and to test"),
        (
            CODES,
            FACTORS,
            {"train_fraction": 0.5, "codes_test": CODES, "factors_test": FACTORS},
            "train_fraction or test points; got both",
        ),
    ],
)
def test_wrong_points_are_refused(codes, factors, options, message):
    with pytest.raises(ValueError, match=message):
        disbench.score("mig", codes, factors, **options)


def test_inputs_are_not_changed():
    codes, factors = CODES.copy(), FACTORS.copy()
    for metric in ("mig", "sap"):
        disbench.score(metric, codes, factors)
    assert np.array_equal(codes, CODES)
    assert np.array_equal(factors, FACTORS)


def test_numbers_of_any_kind_that_mean_the_same_score_the_same():
    expected = disbench.score("sap", CODES, FACTORS)
    for kind in (">f8", np.longdouble):
        assert disbench.score("sap", CODES.astype(kind), FACTORS.astype(kind)) == expected
    with pytest.raises(ValueError, match="factors; got 60 NaN or infinite"):
        disbench.score("sap", CODES, np.full((60, 1), np.longdouble("1e4000")))


def test_masked_values_are_not_taken_for_values():
    with pytest.raises(ValueError, match="in every place of codes; some are masked"):
        disbench.score("mig", np.ma.masked_less(CODES, 1), FACTORS)
    assert disbench.score("mig", np.ma.masked_less(CODES, -1), FACTORS) == disbench.score("mig", CODES, FACTORS)
