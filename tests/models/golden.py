"""Numbers that the reference returned for given weights and inputs; README.md of the reference says how."""

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

FOLDER = Path(__file__).parents[1] / "golden" / "math"

Arrays = dict[str, NDArray]


def read(name: str) -> Arrays:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def weights(arrays: Arrays) -> Arrays:
    """TensorFlow variables of an archive: stored, or drawn again from the seed that it names."""
    if "fc_seed" not in arrays:
        return {key.removeprefix("w/"): value for key, value in arrays.items() if key.startswith("w/")}
    state = np.random.RandomState(int(arrays["fc_seed"]))
    drawn = {}
    for name, shape in zip(arrays["fc_var_order"], map(json.loads, arrays["fc_var_shapes"].tolist()), strict=True):
        scale = np.sqrt(2.0 / np.prod(shape[:-1])) if name.endswith("kernel") else 0.1
        drawn[str(name)] = state.normal(0, scale, shape).astype(np.float32)
        total = drawn[str(name)].astype(np.float64)
        np.testing.assert_allclose([total.sum(), np.abs(total).sum()], arrays[f"wsum/{name}"], rtol=1e-9, atol=1e-6)
    return drawn


def images(array: NDArray) -> torch.Tensor:
    """(n, height, width, channels) of the reference to (n, channels, height, width), channels last in memory."""
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def relative_error(ours: torch.Tensor, theirs: NDArray) -> float:
    """Largest difference, relative to the largest value."""
    ours = ours.detach().double().cpu()
    expected = torch.from_numpy(np.asarray(theirs)).double()
    assert ours.shape == expected.shape, (ours.shape, expected.shape)
    return float((ours - expected).abs().max() / expected.abs().max())
