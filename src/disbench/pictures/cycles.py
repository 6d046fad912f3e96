"""Films in which every latent runs through its values and comes back to where it was."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from disbench.pictures.images import Range, limits
from disbench.pictures.model import Floats
from disbench.pictures.subject import Matrix, Subject
from disbench.pictures.tiles import header, side_by_side, stack, to_pixels, write_gif

_NUM_FRAMES = 24
_NUM_BASES = 2
_TAIL = 0.01  # of the probability on either side, where a Gaussian cycle turns round


def cycles(subject: Subject, folder: Path) -> list[Path]:
    """Draw a film for each way of running through the values: a row for each base image, a column for each latent."""
    images = subject.images(_NUM_BASES)
    bases = subject.model.encode(images)
    paths = []
    for name, cycle in CYCLES.items():
        rows = [_films(subject, base, cycle(subject, base)) for base in bases]
        titles = header([f"z{latent}" for latent in subject.by_kl], rows[0].shape[3])
        frames = [stack([titles, *(side_by_side(list(row[step])) for row in rows)]) for step in range(_NUM_FRAMES)]
        paths.append(folder / f"cycle_{name}.gif")
        write_gif(paths[-1], frames)
    return paths


def _films(subject: Subject, base: Floats, values: Matrix) -> np.ndarray:
    """Pixels (frames, num_latents, height, width, 3) of a base code (num_latents,) and its cycle."""
    codes = np.tile(base, (len(values), len(base), 1))
    for column, latent in enumerate(subject.by_kl):
        codes[:, column, latent] = values[:, latent]
    pixels = to_pixels(subject.model.decode(codes.reshape(-1, len(base))))
    return pixels.reshape(*codes.shape[:2], *pixels.shape[1:])


def gaussian_cycle(base: Floats, center: Matrix, spread: Matrix) -> Matrix:
    """Values (frames, num_latents) at even steps of the probability of a Gaussian, from the base up, down and back."""
    from scipy.stats import norm

    start = norm.cdf(base, center, spread)
    return np.asarray(norm.ppf(np.clip(_up_and_down(start), _TAIL, 1 - _TAIL), center, spread))


def interval_cycle(base: Floats, low: Matrix, high: Matrix) -> Matrix:
    """Values (frames, num_latents) at even steps of an interval, from the base or the nearest end, up, down, back."""
    width = np.where(high > low, high - low, 1)
    return low + (high - low) * _up_and_down(np.clip((base - low) / width, 0, 1))


def _up_and_down(start: Matrix) -> Matrix:
    """Shares (frames, n) that go from the start (n,) evenly to 1, down to 0 and back up."""
    shares = (start + 2 * np.arange(_NUM_FRAMES)[:, None] / _NUM_FRAMES) % 2
    return np.minimum(shares, 2 - shares)


def _standard_gaussian(subject: Subject, base: Floats) -> Matrix:
    return gaussian_cycle(base, np.zeros(len(base)), np.ones(len(base)))


def _fitted_gaussian(subject: Subject, base: Floats) -> Matrix:
    return gaussian_cycle(base, subject.center, subject.spread)


def _interval(values: Range) -> Callable[[Subject, Floats], Matrix]:
    return lambda subject, base: interval_cycle(base, *limits(subject, values))


CYCLES: dict[str, Callable[[Subject, Floats], Matrix]] = {
    "standard_gaussian": _standard_gaussian,
    "fitted_gaussian": _fitted_gaussian,
    "fixed_interval": _interval("fixed"),
    "confidence_interval": _interval("confidence"),
    "minmax_interval": _interval("minmax"),
}
