import numpy as np
import pytest
import torch

from disbench.models import Vae
from disbench.objectives.beta_vae import BetaVae
from disbench.objectives.factor_vae import FactorVae
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.finite import DivergedError
from disbench.training.images import ResidentImages
from disbench.training.loop import train

CPU = torch.device("cpu")
SHAPE = (16, 16, 1)


def small_images() -> ResidentImages:
    stored = np.random.default_rng(0).integers(256, size=(50, *SHAPE), dtype=np.uint8)
    return ResidentImages(stored, binary=False, device=CPU, dtype=torch.float32)


def small_vae() -> Vae:
    return Vae("conv", SHAPE, 3, torch.Generator().manual_seed(1))


def weights_of(vae: Vae) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in vae.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_that_was_cut_off_ends_with_the_same_bytes(tmp_path):
    undisturbed = small_vae()
    rows: list[dict[str, float]] = []
    options = {"batch_size": 8, "seed": 3, "log_every": 5}
    train(undisturbed, BetaVae(), small_images(), num_steps=30, log=rows.append, **options)
    folder = CheckpointFolder(tmp_path / "run")
    resumed = small_vae()

    def stop_at_15(row: dict[str, float]) -> None:
        if row["step"] == 15:
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        train(
            resumed, BetaVae(), small_images(), num_steps=30, log=stop_at_15, checkpoints=folder,
            checkpoint_seconds=0, **options,
        )  # fmt: skip
    assert len(list(folder.path.iterdir())) == 2
    again, rows_again = small_vae(), []
    train(again, BetaVae(), small_images(), num_steps=30, log=rows_again.append, checkpoints=folder, **options)
    assert same(weights_of(again), weights_of(undisturbed))
    without_rate = [
        [{k: v for k, v in row.items() if k != "steps_per_second"} for row in r] for r in (rows, rows_again)
    ]
    assert without_rate[0] == without_rate[1]


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(tmp_path, capsys):
    folder = CheckpointFolder(tmp_path)
    train(small_vae(), BetaVae(), small_images(), num_steps=6, batch_size=4, checkpoints=folder, checkpoint_seconds=0)
    newest = folder.newest()
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    assert folder.load().step == 5
    assert f"{newest}: damaged" in capsys.readouterr().out


def test_a_diverged_run_says_where_and_writes_nothing(tmp_path):
    with pytest.raises(DivergedError, match=r"at step 2 the loss has \{'reconstruction': nan"):
        train(
            small_vae(), BetaVae(), small_images(), num_steps=50, batch_size=4, learning_rate=1e12, log_every=10,
            checkpoints=CheckpointFolder(tmp_path),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_other_seeds_draw_other_batches():
    trained = []
    for seed in (0, 0, 1):
        vae = small_vae()
        train(vae, BetaVae(), small_images(), num_steps=3, batch_size=8, seed=seed)
        trained.append(weights_of(vae))
    assert same(trained[0], trained[1])
    assert not same(trained[0], trained[2])


def test_without_steps_the_model_stays_as_it_was():
    vae = small_vae()
    before = weights_of(vae)
    train(vae, BetaVae(), small_images(), num_steps=0)
    assert same(weights_of(vae), before)


@pytest.mark.parametrize("permuted", ["same_batch", "second_batch"])
def test_a_discriminator_learns_beside_the_model_and_resumes_exactly(tmp_path, permuted):
    def run(num_steps: int, checkpoints: CheckpointFolder | None = None) -> dict[str, torch.Tensor]:
        vae, objective = small_vae(), FactorVae(gamma=5, permuted=permuted, steps="reference")
        train(
            vae, objective, small_images(), num_steps=2 * num_steps, batch_size=8, checkpoints=checkpoints,
            checkpoint_seconds=0,
        )  # fmt: skip
        return weights_of(vae) | {f"objective.{k}": v.clone() for k, v in objective.state_dict().items()}

    folder = CheckpointFolder(tmp_path)
    first, undisturbed = run(2, folder), run(6)
    assert folder.load().step == 2
    assert same(run(6, folder), undisturbed)
    assert not torch.equal(
        first["objective.discriminator.logits.weight"], undisturbed["objective.discriminator.logits.weight"]
    )
