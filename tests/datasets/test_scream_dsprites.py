from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from disbench.datasets import scream_dsprites


def picture(width: int, height: int) -> Image.Image:
    """A smooth picture in portrait format, which stands for The Scream."""
    y, x = np.mgrid[:height, :width]
    channels = [128 + 100 * np.sin(x / 90), 128 + 100 * np.cos(y / 120), (x + y) / (width + height) * 255]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def test_the_background_keeps_its_proportions_and_colours(tmp_path: Path) -> None:
    original = picture(1200, 1512)
    original.save(tmp_path / "scream.jpg", quality=95)
    background = scream_dsprites.extras(tmp_path)["background"]
    assert background.dtype == np.uint8
    assert background.shape == (274, 217, 3)  # 1200 x 1512 shrunk to fit into 350 x 274
    y, x = ((np.arange(size) + 0.5) * 1512 / 274 for size in (274, 217))
    expected = np.asarray(original)[np.ix_(y.astype(int), x.astype(int))]
    assert np.abs(background.astype(int) - expected).mean() < 3


def test_a_small_picture_is_not_enlarged(tmp_path: Path) -> None:
    picture(200, 150).save(tmp_path / "scream.jpg")
    assert scream_dsprites.background(tmp_path / "scream.jpg").shape == (150, 200, 3)


def test_files_that_are_no_picture_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scream.jpg"
    with pytest.raises(FileNotFoundError, match="disbench fetch scream_dsprites"):
        scream_dsprites.extras(None)
    with pytest.raises(FileNotFoundError, match=r"scream\.jpg"):
        scream_dsprites.extras(tmp_path)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match=r"scream\.jpg: not readable as a picture"):
        scream_dsprites.background(path)
    picture(400, 500).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match="not readable as a picture: image file is truncated"):
        scream_dsprites.background(path)
    picture(400, 500).save(path)
    monkeypatch.setattr(scream_dsprites, "_LARGEST_PIXELS", 1000)
    with pytest.raises(ValueError, match="400 x 500 pixels, at most 1,000 are allowed"):
        scream_dsprites.background(path)
