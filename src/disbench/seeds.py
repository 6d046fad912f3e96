"""Seeds derived from a seed and a name, never from a position: adding a part changes no other part's numbers."""

from hashlib import sha256

import numpy as np


def derive_seed(seed: int, name: str) -> int:
    """Seed in [0, 2^63) for one named part of a run."""
    return int.from_bytes(sha256(f"{seed}/{name}".encode()).digest()[:8], "big") >> 1


def derive_rng(seed: int, name: str) -> np.random.Generator:
    """NumPy generator for one named part of a run."""
    return np.random.default_rng(derive_seed(seed, name))
