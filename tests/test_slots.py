import numpy as np
import pytest
from sklearn.decomposition import PCA

from disbench import reduce_slots


def test_each_slot_is_its_first_principal_component():
    vectors = np.random.default_rng(0).normal(size=(200, 3, 4)) * [1.0, 5.0, 0.5, 2.0]
    before = vectors.copy()
    reduced = reduce_slots(vectors)
    for slot in range(3):
        expected = PCA(n_components=1).fit_transform(vectors[:, slot])[:, 0]
        np.testing.assert_allclose(np.abs(reduced[:, slot]), np.abs(expected), atol=1e-9)
    assert np.array_equal(vectors, before)
    assert (np.sign(reduced[:, 0]) == np.sign(reduce_slots(vectors[:, :1])[:, 0])).all()


def test_constant_slots_become_zero_and_one_number_stays():
    vectors = np.ones((5, 2, 1))
    vectors[:, 1, 0] = np.arange(5)
    np.testing.assert_array_equal(reduce_slots(vectors), np.stack([np.zeros(5), np.arange(5) - 2.0], axis=1))


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.ones((4, 2)), r"\(n, num_slots, width\); got float64 of shape \(4, 2\)"),
        (np.ones((0, 2, 1)), "got float64 of shape"),
        (np.full((2, 2, 1), np.nan), "slot 0 has larger, NaN or infinite"),
        (np.full((2, 2, 1), "a"), "got <U1"),
    ],
)
def test_what_it_cannot_reduce_is_an_error(codes, message):
    with pytest.raises(ValueError, match=message):
        reduce_slots(codes)
