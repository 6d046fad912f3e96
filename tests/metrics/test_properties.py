import pytest

import disbench


@pytest.mark.parametrize("metric", ["strong_downstream", "factor_vae", "mig"])
def test_a_seed_decides(metric, identity):
    small = {"num_train": (40,), "num_test": 30} if metric == "strong_downstream" else {"num_train": 60}
    first, again = (disbench.evaluate(metric, identity, seed=3, **small) for _ in range(2))
    assert first == again


def test_other_metrics_change_nothing(identity):
    alone = disbench.evaluate("mig", identity, num_train=50)
    for other in ("sap", "irs"):
        disbench.evaluate(other, identity, num_train=50)
    assert disbench.evaluate("mig", identity, num_train=50) == alone
    assert disbench.evaluate("mig", identity, num_train=50, seed=1) != alone
