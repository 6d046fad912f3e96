"""The train stage: what it hands to training, what it logs, what it says at the end."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from tests.docs.snippets import small_params

from disbench import storage
from disbench.models import Vae, load_decoder, load_encoder
from disbench.objectives.beta_vae import BetaVae
from disbench.seeds import derive_seed
from disbench.stages.convert import convert
from disbench.stages.train import train
from disbench.training import loop
from disbench.training.assess import assess
from disbench.training.load import load_images

OPTIONS = {
    "defaults": {},
    "tanh": {"activation": "tanh"},
    "entropy": {"subtract_entropy": True},
    "squared": {"reconstruction": "squared_error", "activation": "tanh"},
    "Adam": {"adam_epsilon": "standard"},
    "rate": {"learning_rate": 1e-3},
}
NUM_STEPS, NUM_LATENTS, NUM_ASSESSED = 6, 3, 300


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "toy.zarr"
    convert("toy", path)
    return path


def run(folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch, **settings: object) -> dict[str, float]:
    monkeypatch.setattr("disbench.stages._training._NUM_ASSESSED", NUM_ASSESSED)
    monkeypatch.chdir(folder)  # DVCLive looks for a repository around the current folder
    params = small_params()
    params["train"] |= {"num_steps": NUM_STEPS, "num_latents": NUM_LATENTS, "log_every": 2, **settings}
    params["objectives"]["beta_vae"] = {"beta": 0.0}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    scores = folder / "train.json"
    train(
        params_path=folder / "params.yaml", store_path=store, checkpoints=folder / "checkpoints",
        model=folder / "model", log=folder / "log", scores_path=scores,
    )  # fmt: skip
    return json.loads(scores.read_text())


def by_hand(store: Path, options: dict[str, object]) -> tuple[Vae, dict[str, float]]:
    """The same run with the functions that the stage calls."""
    opened = storage.open_dataset(store)
    images = load_images(opened, device=torch.device("cpu"), dtype=torch.float32, seed=0)
    vae = Vae("conv", opened.image_shape, NUM_LATENTS, torch.Generator().manual_seed(derive_seed(0, "weights")))
    shared = {"learning_rate": 1e-4} | options
    loop.train(vae, BetaVae(beta=0), images, num_steps=NUM_STEPS, batch_size=16, seed=0, **shared)
    errors = {"reconstruction": "bernoulli"} | {
        name: value for name, value in options.items() if name not in {"learning_rate", "adam_epsilon"}
    }
    generator = torch.Generator().manual_seed(derive_seed(0, "assess"))
    return vae, assess(vae, images, num=NUM_ASSESSED, generator=generator, **errors)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_reaches_training_and_the_evaluation_at_the_end(tmp_path, store, monkeypatch, name):
    scores = run(tmp_path, store, monkeypatch, **OPTIONS[name])
    vae, assessed = by_hand(store, OPTIONS[name])
    for part, load in (("encoder", load_encoder), ("decoder", load_decoder)):
        for key, value in load(tmp_path / "model").state_dict().items():
            torch.testing.assert_close(value, vae.get_submodule(part).state_dict()[key], rtol=0, atol=0)
    assert scores == pytest.approx(assessed, rel=1e-6)


def test_the_evaluation_is_of_a_fixed_sample_in_nats(tmp_path, store, monkeypatch):
    """The longer run is another model on the same images and noise."""
    found = []
    for number, num_steps in enumerate((NUM_STEPS, NUM_STEPS, 60)):
        folder = tmp_path / str(number)
        folder.mkdir()
        found.append(run(folder, store, monkeypatch, num_steps=num_steps, learning_rate=1e-3))
    first, again, longer = found
    assert first == again
    assert longer["reconstruction"] < first["reconstruction"]
    kl = [first[f"kl_latent_{index}"] for index in range(NUM_LATENTS)]
    assert first["kl"] == pytest.approx(sum(kl))
    assert first["elbo"] == pytest.approx(-first["reconstruction"] - first["kl"])
    assert first["num_active_latents"] == sum(value > 0.01 for value in kl)


def test_every_term_and_the_kl_of_each_latent_are_logged(tmp_path, store, monkeypatch):
    run(tmp_path, store, monkeypatch)
    logged = {path.stem: path.read_text().splitlines() for path in (tmp_path / "log").rglob("*.tsv")}
    assert logged.keys() == {
        "loss", "reconstruction", "beta_kl", "elbo", "kl", "gradient_norm", "steps_per_second",
        *(f"kl_latent_{index}" for index in range(NUM_LATENTS)),
    }  # fmt: skip
    assert {len(lines) for lines in logged.values()} == {1 + NUM_STEPS // 2}
    last = {name: float(lines[-1].split("\t")[-1]) for name, lines in logged.items()}
    assert last["loss"] == pytest.approx(last["reconstruction"] + last["beta_kl"], rel=1e-5)
    assert last["elbo"] == pytest.approx(-last["reconstruction"] - last["kl"], rel=1e-5)
    assert last["kl"] == pytest.approx(sum(last[f"kl_latent_{index}"] for index in range(NUM_LATENTS)), rel=1e-4)
