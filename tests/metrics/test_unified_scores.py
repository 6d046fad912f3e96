import json

import numpy as np
import pytest

from disbench.metrics._information import discretize, mutual_information
from disbench.metrics.sap import svm_accuracies
from disbench.metrics.unified_scores import aggregated, merges, precision_recall, unified_scores
from disbench.table import LabelledCodes


@pytest.mark.parametrize("name", ["dsp_dead_dims_f64", "dsp_nonlinear_f64"])
def test_scores_are_the_reference_s(codes_of, rng, name):
    golden = codes_of(name)
    scores, expected = unified_scores(golden.table, rng), golden.scalars["unified_scores"]
    assert {key for key in scores if ".merge_" not in key} == expected.keys()
    for key, value in expected.items():
        if not key.startswith("importance_gbt_matrix"):
            assert scores[key] == pytest.approx(value, abs=1e-9)
        elif key.endswith(("dci", "dci_disentanglement", "dci_completeness", ".sap", ".mig")):
            assert scores[key] == pytest.approx(value, abs=5e-3)


def reference_sample(rng, num):
    """Factors as the reference draws them, in batches of 16."""
    sizes, batches = (3, 6, 10, 8, 8), [min(16, num - start) for start in range(0, num, 16)]
    return np.concatenate([np.stack([rng.randint(size, size=batch) for size in sizes], axis=1) for batch in batches])


def test_merges_are_the_reference_s(golden_folder):
    expected = json.loads((golden_folder / "toy/unified_scores_with_artifacts.json").read_text())["scores"]
    rng = np.random.RandomState(0)
    train, test = reference_sample(rng, 500), reference_sample(rng, 100)
    for name, matrix in (
        ("mutual_information_matrix", mutual_information(discretize(train, 20), train)),
        ("accuracy_svm_matrix", svm_accuracies(train.astype(float), train, test.astype(float), test)),
    ):
        # Which of two equal relations comes first, and so which factor is named first, is up to the sort.
        ours = {frozenset(key.split("_")[1:]): value for key, value in merges(matrix, list(range(5))).items()}
        theirs = {
            frozenset(key.split("_")[-2:]): value for key, value in expected.items() if key.startswith(f"{name}.merge")
        }
        assert ours == theirs
        scores = aggregated(matrix, np.ones(5), list(range(5)))
        for key in ("area_precision", "max_precision", "modularity", "sap", "dci"):
            assert scores[key] == pytest.approx(expected[f"{name}.{key}"], abs=1e-9)


def test_curves_by_hand():
    matrix = np.array([[0.9, 0.1], [0.2, 0.8], [0.0, 0.3]])
    thresholds, groups, discovered = precision_recall(matrix)
    np.testing.assert_array_equal(thresholds, [0.9, 0.8, 0.3, 0.2, 0.1, 0.0])
    np.testing.assert_array_equal(groups, [1, 2, 2, 1, 1, 1])
    np.testing.assert_array_equal(discovered, [1, 2, 3, 3, 3, 3])
    assert merges(matrix, [4, 7]) == {"merge_4_7": 3.0}
    assert merges(np.eye(3), [0, 1, 2]) == {}  # No relation joins factors, least of all those of 0.


def test_factors_with_one_value_keep_the_numbers_of_the_others(rng):
    factors = np.stack([rng.integers(3, size=100), np.zeros(100, int), rng.integers(2, size=100)], axis=1)
    codes = factors + 0.1 * rng.normal(size=(100, 3))
    scores = unified_scores(LabelledCodes(codes, factors, codes, factors), rng)
    assert "accuracy_svm_matrix.mig.factor_2" in scores
    assert "accuracy_svm_matrix.mig.factor_1" not in scores


def test_what_it_cannot_score_is_an_error(rng):
    codes, factors = rng.normal(size=(30, 3)), rng.integers(3, size=(30, 2))
    with pytest.raises(ValueError, match="unified_scores compares latents .* at least 2; got 1"):
        unified_scores(LabelledCodes(codes[:, :1], factors, codes[:, :1], factors), rng)
    with pytest.raises(ValueError, match="unified_scores needs at least 2 factors"):
        unified_scores(LabelledCodes(codes, factors * [1, 0], codes, factors), rng)
    with pytest.raises(ValueError, match=r"within 1e\+100 of zero"):
        unified_scores(LabelledCodes(codes, factors, 1e200 * codes, factors), rng)
