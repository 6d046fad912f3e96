import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from disbench import FactorSpace, storage
from disbench.cli import app
from disbench.encoding import encode_file
from disbench.models import Vae, load_encoder, save_model

IMAGES = np.random.default_rng(0).integers(256, size=(130, 16, 16, 3), dtype=np.uint8)


@pytest.fixture
def model(tmp_path):
    save_model(tmp_path / "model", Vae("conv", (16, 16, 3), 4, torch.Generator().manual_seed(0)), {})
    return tmp_path / "model"


def posterior(model):
    with torch.no_grad():
        mean, log_variance = load_encoder(model)(torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 255)
    return mean.numpy(), log_variance.numpy()


def encode(model, tmp_path, images, **options):
    np.save(tmp_path / "images.npy", images)
    encode_file(model, tmp_path / "images.npy", tmp_path / "out" / "codes.npy", **options)
    return np.load(tmp_path / "out" / "codes.npy")


def test_bytes_and_floats_give_the_posterior_mean(tmp_path, model):
    mean, _ = posterior(model)
    for images in (IMAGES, IMAGES.astype(np.float64) / 255):
        codes = encode(model, tmp_path, images)
        assert codes.dtype == np.float32
        np.testing.assert_allclose(codes, mean, atol=1e-6)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_of_one_array(tmp_path, model, save):
    save(tmp_path / "images.npz", images=IMAGES)
    assert encode_file(model, tmp_path / "images.npz", tmp_path / "codes.npy") == (130, 4)
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), posterior(model)[0], atol=1e-6)


def test_stores_in_the_order_of_their_rows(tmp_path, model):
    space = FactorSpace(names=("a", "b"), sizes=(13, 10))
    with storage.create_dataset(tmp_path / "set.zarr", space, (16, 16, 3), binary=False) as writer:
        writer.write(np.arange(130), IMAGES)
    encode_file(model, tmp_path / "set.zarr", tmp_path / "codes.npy")
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), posterior(model)[0], atol=1e-6)


def test_samples_are_of_the_posterior_and_of_the_seed(tmp_path, model):
    mean, log_variance = posterior(model)
    first, again, other = (encode(model, tmp_path, IMAGES, sampled=True, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    noise = (first - mean) / np.exp(0.5 * log_variance)
    assert abs(noise.mean()) < 0.15
    assert abs(noise.std() - 1) < 0.1
    assert not np.allclose(first, other)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[..., :1], r"expected images of shape \(n, 16, 16, 3\), .*; got \(130, 16, 16, 1\)"),
        (IMAGES.transpose(0, 3, 1, 2).copy(), r"got \(130, 3, 16, 16\)"),
        (IMAGES[0], r"got \(16, 16, 3\)"),
        (IMAGES.astype(np.int64), "expected images of type uint8, bool or float, in C order; got int64"),
        (IMAGES.astype(np.float32), r"expected floating-point images in \[0, 1\]; .*divide by 255"),
        (np.full(IMAGES.shape, np.nan), r"images 0 to 63 have nan"),
        (IMAGES % 2, "got only 0 and 1; multiply by 255"),
    ],
)
def test_images_of_another_kind_are_refused_and_nothing_is_written(tmp_path, model, images, message):
    with pytest.raises(ValueError, match=message):
        encode(model, tmp_path, images)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_file_that_was_cut_off_is_refused(tmp_path, model):
    np.save(tmp_path / "images.npy", IMAGES)
    content = (tmp_path / "images.npy").read_bytes()
    (tmp_path / "images.npy").write_bytes(content[:-1])
    with pytest.raises(ValueError, match="expected 130 images; the file ends after 128 or a few more"):
        encode_file(model, tmp_path / "images.npy", tmp_path / "codes.npy")
    (tmp_path / "images.npy").write_bytes(b"hello")
    with pytest.raises(ValueError, match="not readable as an array"):
        encode_file(model, tmp_path / "images.npy", tmp_path / "codes.npy")


def test_commands(tmp_path, model):
    np.save(tmp_path / "images.npy", IMAGES)
    arguments = ["encode", str(model), str(tmp_path / "images.npy"), str(tmp_path / "codes.npy"), "--sampled"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "sampled codes of 130 images, 4 latents each" in result.output
    CliRunner().invoke(app, ["export", str(model), "--out", str(tmp_path / "onnx")], catch_exceptions=False)
    assert sorted(path.name for path in (tmp_path / "onnx").iterdir()) == ["decoder.onnx", "encoder.onnx"]
