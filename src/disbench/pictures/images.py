"""Images that a model makes: reconstructions, samples, traversals of its latents."""

from pathlib import Path
from typing import Literal

import numpy as np

from disbench.pictures.model import Floats
from disbench.pictures.subject import Matrix, Subject
from disbench.pictures.tiles import GAP, LABEL_WIDTH, Pixels, side_by_side, stack, text, to_pixels, write_png
from disbench.seeds import derive_rng

Range = Literal["fixed", "confidence", "minmax"]

_NUM_ROWS, _NUM_PAIRS = 6, 5
_NUM_SAMPLES, _NUM_COLUMNS = 64, 8
_NUM_STEPS = 11
_NUM_BASES = 3
_REACH = 2.0


def reconstructions(subject: Subject, folder: Path) -> list[Path]:
    """Draw images, each with what the decoder makes of its posterior mean."""
    images = subject.images(_NUM_ROWS * _NUM_PAIRS)
    originals, decoded = to_pixels(images), to_pixels(subject.model.decode(subject.model.encode(images)))
    pairs = [side_by_side([original, again], gap=1) for original, again in zip(originals, decoded, strict=True)]
    rows = [side_by_side(pairs[row::_NUM_ROWS], gap=4 * GAP) for row in range(_NUM_ROWS)]
    title = text("image | reconstruction", rows[0].shape[1], 24, anchor="lm")
    return [_write(folder / "reconstructions.png", stack([title, *rows]))]


def samples(subject: Subject, folder: Path) -> list[Path]:
    """Draw what the decoder makes of codes drawn from the prior."""
    codes = derive_rng(subject.seed, "pictures/samples").standard_normal((_NUM_SAMPLES, subject.model.num_latents))
    images = list(to_pixels(subject.model.decode(codes.astype(np.float32))))
    rows = [side_by_side(images[start : start + _NUM_COLUMNS]) for start in range(0, _NUM_SAMPLES, _NUM_COLUMNS)]
    return [_write(folder / "samples.png", stack(rows))]


def traversals(subject: Subject, folder: Path, *, values: Range = "fixed") -> list[Path]:
    """Draw, for each of a few images, a row for each latent, which alone takes values from low to high.

    Latents come in the order of their KL divergence; `values` are those of `limits`.
    """
    images = subject.images(_NUM_BASES)
    paths = []
    for index, (image, base) in enumerate(zip(images, subject.model.encode(images), strict=True)):
        decoded = to_pixels(subject.model.decode(traversal(subject, base, values)))
        rows = decoded.reshape(subject.model.num_latents, _NUM_STEPS, *decoded.shape[1:])
        low, high = limits(subject, values)
        labels = [f"{subject.latent_title(d)}\n{low[d]:+.1f} to {high[d]:+.1f}" for d in subject.by_kl]
        pictures = [_labelled(label, row) for label, row in zip(labels, rows, strict=True)]
        first = _labelled("image | reconstruction", to_pixels(np.stack([image, subject.model.decode(base[None])[0]])))
        room = ((0, 2 * GAP), (0, pictures[0].shape[1] - first.shape[1]), (0, 0))
        first = np.pad(first, room, constant_values=255)
        paths.append(_write(folder / f"traversals_{index}.png", stack([first, *pictures])))
    return paths


def traversal(subject: Subject, base: Floats, values: Range) -> Floats:
    """Codes (num_latents * steps, num_latents): the base (num_latents,), one latent after the other swept."""
    low, high = limits(subject, values)
    codes = np.tile(base, (len(base), _NUM_STEPS, 1))
    for row, latent in enumerate(subject.by_kl):
        codes[row, :, latent] = np.linspace(low[latent], high[latent], _NUM_STEPS)
    return codes.reshape(-1, len(base))


def limits(subject: Subject, values: Range) -> tuple[Matrix, Matrix]:
    """Lowest and highest value (num_latents,) of a traversal.

    `fixed`: -2 and 2; `confidence`: the mean of the latent's codes, less and plus 2 standard deviations; `minmax`: the
    least and the largest posterior mean of any image.
    """
    if values == "fixed":
        reach = np.full(subject.model.num_latents, _REACH)
        return -reach, reach
    if values == "confidence":
        return subject.center - _REACH * subject.spread, subject.center + _REACH * subject.spread
    means = subject.table.mean.astype(np.float64)
    return means.min(axis=0), means.max(axis=0)


def _labelled(label: str, images: Pixels) -> Pixels:
    """Images (n, height, width, 3) in a row after a label."""
    return side_by_side([text(label, LABEL_WIDTH, images.shape[1], anchor="lm"), *images])


def _write(path: Path, picture: Pixels) -> Path:
    write_png(path, picture)
    return path
