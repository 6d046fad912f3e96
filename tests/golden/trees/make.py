"""Splits of scikit-learn 1.7.2's boosted trees on small sets: `pip install scikit-learn==1.7.2 && python make.py`."""

from pathlib import Path

import numpy as np
import sklearn
from sklearn.ensemble import GradientBoostingClassifier


def sample(rng, num, latents):
    """Codes and two factors of four and two values; splits of single points tie."""
    factors = np.stack([rng.integers(size, size=num) for size in (4, 2)], axis=1)
    codes = factors @ rng.normal(size=(2, 5)) + rng.normal(size=(num, 5))
    if latents == "repeated":
        codes = np.concatenate([codes, -codes], axis=1)
    if latents == "constant":
        codes[:, [1, 3]] = 2.0
    return codes, factors


def nodes_of(tree, node=0):
    """Features and thresholds of a tree, each node before its children."""
    if tree.children_left[node] < 0:
        return []
    here = [(tree.feature[node], tree.threshold[node])]
    return here + nodes_of(tree, tree.children_left[node]) + nodes_of(tree, tree.children_right[node])


def main() -> None:
    assert sklearn.__version__ == "1.7.2"
    found = {}
    for num in (12, 60, 300):
        for latents in ("plain", "repeated", "constant"):
            codes, factors = sample(np.random.default_rng(num), num, latents)
            state = np.random.RandomState(3)
            for index, labels in enumerate(factors.T):
                model = GradientBoostingClassifier(random_state=state).fit(codes, labels)
                trees = [nodes_of(tree.tree_) for tree in model.estimators_.ravel()]
                name = f"{num}/{latents}/{index}"
                found[f"{name}/importances"] = model.feature_importances_
                found[f"{name}/num_nodes"] = np.array([len(tree) for tree in trees], dtype=np.int8)
                found[f"{name}/features"] = np.array([node[0] for tree in trees for node in tree], dtype=np.int8)
                found[f"{name}/thresholds"] = np.array([node[1] for tree in trees for node in tree])
            found |= {f"{num}/{latents}/codes": codes, f"{num}/{latents}/factors": factors.astype(np.int8)}
    np.savez_compressed(Path(__file__).parent / "scikit_learn_1.7.2.npz", **found)


if __name__ == "__main__":
    main()
