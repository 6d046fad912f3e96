import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from disbench.factors import FactorSpace
from disbench.models import Vae
from disbench.objectives.beta_vae import BetaVae
from disbench.observations import Observation
from disbench.storage import ImageStore, StoreError, create_dataset, open_dataset
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.encode import encode_all
from disbench.training.images import ResidentImages
from disbench.training.load import load_images, order_of
from disbench.training.loop import train
from disbench.training.observed import ObservedImages
from disbench.training.streamed import StreamedImages

CPU = torch.device("cpu")
NUM_ROWS = 22_000  # five blocks of 4096 and a short one
BLOCK_BYTES = 4096 * 16 * 16


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    """Grey images of 16 x 16 pixels, the first three of which spell the row."""
    path = tmp_path_factory.mktemp("stores") / "numbers.zarr"
    images = np.random.default_rng(0).integers(0, 256, (NUM_ROWS, 16, 16, 1), dtype=np.uint8)
    images[:, 0, :3, 0] = np.arange(NUM_ROWS, dtype="<u4").view(np.uint8).reshape(-1, 4)[:, :3]
    with create_dataset(path, FactorSpace(("row",), (NUM_ROWS,)), (16, 16, 1), binary=False) as writer:
        writer.write(np.arange(NUM_ROWS), images)
        writer.attributes["observation"] = "plain"
    return open_dataset(path)


def streamed(store: ImageStore, seed: int = 0, num_blocks: int = 4) -> StreamedImages:
    return StreamedImages(store, device=CPU, dtype=torch.float32, num_bytes=num_blocks * BLOCK_BYTES, seed=seed)


def spelt(batch: torch.Tensor) -> np.ndarray:
    return (batch[:, 0, 0, :3] * 255).round().long().numpy() @ [1, 256, 65536]


def drawn(stream: StreamedImages, num: int, size: int = 500) -> np.ndarray:
    generator = torch.Generator()
    found = []
    for start in range(0, num, size):
        batch, rows = stream.draw_with_rows(min(size, num - start), generator)
        np.testing.assert_array_equal(spelt(batch), rows)
        found.append(rows.numpy())
    return np.concatenate(found)


def test_every_pass_draws_every_row_once_in_another_order(store: ImageStore) -> None:
    rows = drawn(streamed(store), 2 * NUM_ROWS, size=700)
    first, second = rows[:NUM_ROWS], rows[NUM_ROWS:]
    for one in (first, second):
        np.testing.assert_array_equal(np.sort(one), np.arange(NUM_ROWS))
    assert (first != second).mean() > 0.99
    np.testing.assert_array_equal(drawn(streamed(store), NUM_ROWS), first)
    assert (drawn(streamed(store, seed=1), NUM_ROWS) != first).mean() > 0.99


def test_rows_of_a_buffer_are_mixed(store: ImageStore) -> None:
    stream = streamed(store)
    assert stream.num_buffered == 2 * 4096
    rows = drawn(stream, 1000)
    blocks, counts = np.unique(rows // 4096, return_counts=True)
    assert len(blocks) == 2
    assert counts.min() > 100  # about 500 of each, 171 to 829 if one block is the short one of 1,520 rows
    assert np.abs(np.corrcoef(rows[:-1] % 4096, rows[1:] % 4096)[0, 1]) < 0.15


def test_a_stream_goes_on_where_its_state_says(store: ImageStore) -> None:
    stream = streamed(store)
    drawn(stream, 9_999)
    state = {name: value.clone() for name, value in stream.state_dict().items()}
    expected = drawn(stream, 15_000)
    other = streamed(store)
    drawn(other, 3)
    other.load_state_dict(state)
    np.testing.assert_array_equal(drawn(other, 15_000), expected)


def test_encoding_sees_rows_in_their_order(store: ImageStore) -> None:
    stream = streamed(store)
    resident = ResidentImages(store.load(), binary=False, device=CPU, dtype=torch.float32)
    for rows in (slice(4000, 4200), slice(21_990, 23_000), torch.tensor([21_999, 0, 5000])):
        assert torch.equal(stream.batch(rows), resident.batch(rows))
    mean, _ = encode_all(lambda batch: (batch[:, 0, 0, :3], batch[:, 0, 0, :3]), stream)  # type: ignore[arg-type]
    np.testing.assert_array_equal((mean * 255).round().astype(int) @ [1, 256, 65536], np.arange(NUM_ROWS))


def test_binary_images_are_streamed_too(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 2, (9000, 8, 16), dtype=np.uint8)
    with create_dataset(tmp_path / "bits.zarr", FactorSpace(("row",), (9000,)), (8, 16, 1), binary=True) as writer:
        writer.write(np.arange(9000), np.packbits(pixels, axis=-1))
    stream = streamed(open_dataset(tmp_path / "bits.zarr"), num_blocks=1)
    batch, rows = stream.draw_with_rows(300, torch.Generator())
    np.testing.assert_array_equal(batch[:, 0], pixels[rows])
    np.testing.assert_array_equal(stream.batch(torch.tensor([8999, 1]))[:, 0], pixels[[8999, 1]])


def test_the_budget_decides_and_the_log_says_so(store: ImageStore, capsys: pytest.CaptureFixture[str]) -> None:
    def load(num_bytes: int | None) -> object:
        return load_images(store, device=CPU, dtype=torch.float32, seed=0, num_bytes=num_bytes)

    images = load(None)
    assert isinstance(images, ResidentImages)
    assert "22,000 images, 5.6 MB, are kept on cpu, within" in capsys.readouterr().err
    images = load(4 * BLOCK_BYTES + 1000)
    assert isinstance(images, StreamedImages)
    assert order_of(images) == "streamed, 8192 at a time"
    said = capsys.readouterr().err
    assert "5.6 MB, are more than 4.2 MB: they are streamed from disk in shuffled blocks, drawn from 8,192" in said


def test_a_random_observation_of_a_stream_keeps_its_rows(store: ImageStore) -> None:
    seen = Observation(1, True, lambda images, rows, generator: images)
    observed = ObservedImages(streamed(store), NUM_ROWS, seen, torch.Generator())
    batch, rows = observed.draw_with_rows(10, torch.Generator())
    np.testing.assert_array_equal(spelt(batch), rows)
    assert list(observed.state_dict()) == ["images.num_drawn"]


def test_damage_that_the_thread_meets_is_reported(store: ImageStore, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(store.path, tmp_path / "copy.zarr"))
    opened = open_dataset(copy)
    for file in (copy / "images").glob("c.*"):
        file.write_bytes(bytes(100))
    with pytest.raises(StoreError, match="is damaged"):
        drawn(streamed(opened), 100)


def test_training_that_was_interrupted_ends_the_same(store: ImageStore, tmp_path: Path) -> None:
    def trained(folder: Path, *stops: int) -> dict[str, torch.Tensor]:
        for num_steps in stops:
            vae = Vae("conv", (16, 16, 1), 4, torch.Generator().manual_seed(0))
            checkpoints = CheckpointFolder(folder)
            train(
                vae, BetaVae(), streamed(store), num_steps=num_steps, batch_size=2000, log_every=10,
                checkpoints=checkpoints, checkpoint_seconds=1e-9,
            )  # fmt: skip
        return vae.state_dict()

    once, twice = trained(tmp_path / "once", 8), trained(tmp_path / "twice", 5, 8)
    assert all(torch.equal(once[name], twice[name]) for name in once)
