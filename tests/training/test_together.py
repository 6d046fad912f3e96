"""Models that are trained together against the same models trained one at a time."""

import pytest
import torch

from disbench.models import Vae
from disbench.objectives.annealed_vae import AnnealedVae
from disbench.objectives.beta_tc_vae import BetaTcVae
from disbench.objectives.beta_vae import BetaVae
from disbench.objectives.dip_vae_i import DipVaeI
from disbench.objectives.dip_vae_ii import DipVaeII
from disbench.objectives.factor_vae import FactorVae
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.loop import train
from disbench.training.together import train_together
from tests.training.test_loop import small_images

OBJECTIVES = {
    "beta_vae": lambda: [BetaVae(beta=beta) for beta in (1, 4, 16)],
    "annealed_vae": lambda: [
        AnnealedVae(gamma=100, c_max=c_max, iteration_threshold=threshold) for c_max, threshold in ((5, 10), (25, 20))
    ],
    "factor_vae": lambda: [FactorVae(gamma=gamma) for gamma in (10, 100)],
    "factor_vae, second batch": lambda: [FactorVae(permuted="second_batch", steps="reference") for _ in range(2)],
    "dip_vae_i": lambda: [DipVaeI(lambda_od=weight) for weight in (1, 50)],
    "dip_vae_ii": lambda: [DipVaeII(lambda_d_factor=factor) for factor in (1, 5)],
    "beta_tc_vae": lambda: [BetaTcVae(beta=beta) for beta in (1, 6)],
    "beta_tc_vae, stratified": lambda: [BetaTcVae(beta=beta, estimator="stratified") for beta in (1, 6)],
}
OPTIONS = {"num_steps": 12, "batch_size": 8, "log_every": 4}


def vaes(num, architecture="conv"):
    return [Vae(architecture, (16, 16, 1), 3, torch.Generator().manual_seed(number)) for number in range(num)]


def together(objectives, architecture="conv", **options):
    """Models, logs and errors."""
    models, rows = vaes(len(objectives), architecture), [[] for _ in objectives]
    errors = train_together(
        models, objectives, small_images(), seeds=range(5, 5 + len(models)), logs=[log.append for log in rows],
        **OPTIONS | options,
    )  # fmt: skip
    return models, rows, errors


def require_close(one, other):
    for name, value in one.state_dict().items():
        assert (value - other.state_dict()[name]).abs().max() < 2e-5, name


@pytest.mark.parametrize(("name", "architecture"), [*((name, "conv") for name in OBJECTIVES), ("beta_vae", "fc")])
def test_each_model_is_what_it_is_alone(name, architecture):
    objectives = OBJECTIVES[name]()
    models, rows, errors = together(objectives, architecture)
    assert errors == [None] * len(objectives)
    alone = vaes(len(objectives), architecture)
    for number, objective in enumerate(OBJECTIVES[name]()):
        expected = []
        train(alone[number], objective, small_images(), seed=5 + number, log=expected.append, **OPTIONS)
        require_close(models[number], alone[number])
        require_close(objectives[number], objective)
        for row, single in zip(rows[number], expected, strict=True):
            assert row.keys() == single.keys()
            for key in row.keys() - {"steps_per_second"}:
                assert row[key] == pytest.approx(single[key], rel=1e-3, abs=1e-3), key
    assert not torch.equal(models[0].encoder.mean.weight, models[1].encoder.mean.weight)


def test_a_run_that_was_stopped_ends_with_the_same_bytes(tmp_path):
    undisturbed, rows, _ = together(OBJECTIVES["beta_vae"]())
    folder = CheckpointFolder(tmp_path)
    together(OBJECTIVES["beta_vae"](), num_steps=7, checkpoints=folder, checkpoint_seconds=0)
    assert folder.load().step == 7
    resumed, rows_again, _ = together(OBJECTIVES["beta_vae"](), checkpoints=folder)
    for one, other in zip(undisturbed, resumed, strict=True):
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    steps = [[row["step"] for row in log] for log in rows_again]
    assert steps == [[4, 7, 8, 12]] * 3
    assert [row["loss"] for row in rows_again[1] if row["step"] != 7] == [row["loss"] for row in rows[1]]


def test_a_model_that_diverges_leaves_the_others_alone(tmp_path):
    class PoisonedSometimes(BetaVae):
        """A term that is not a number for one of the models from step 5 on."""

        def terms(self, posterior, z, step):
            terms = super().terms(posterior, z, step)
            return terms | {"extra": 0 / (terms["beta_kl"] * 0 + ((self.beta != 2) | (step < 5)))}

    models, rows, errors = together(
        [PoisonedSometimes(beta=beta) for beta in (1, 2, 3)], checkpoints=CheckpointFolder(tmp_path),
        checkpoint_seconds=0,
    )  # fmt: skip
    assert [error is None for error in errors] == [True, False, True]
    assert "at step 6 the loss has {'extra': nan}" in str(errors[1])
    assert [len(log) for log in rows] == [3, 1, 3]
    assert all(value.isfinite().all() for value in models[2].state_dict().values())
    _, _, again = together([PoisonedSometimes(beta=beta) for beta in (1, 2, 3)], checkpoints=CheckpointFolder(tmp_path))
    assert "training diverged" in str(again[1])


def test_what_cannot_be_stacked_is_refused():
    with pytest.raises(ValueError, match=r"differ in numbers only; got estimator=\['minibatch', 'weighted'\]"):
        together([BetaTcVae(), BetaTcVae(estimator="weighted")])
    with pytest.raises(ValueError, match="share one objective; got BetaTcVae, BetaVae"):
        together([BetaVae(), BetaTcVae()])
