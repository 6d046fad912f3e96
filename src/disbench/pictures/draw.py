"""All pictures of a trained model, by name."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from disbench.catalogue import no_such
from disbench.pictures.cycles import cycles
from disbench.pictures.effects import effects
from disbench.pictures.groups import dendrogram, groups
from disbench.pictures.images import Range, reconstructions, samples, traversals
from disbench.pictures.matrices import accuracy, importance, information, kl
from disbench.pictures.model import Model
from disbench.pictures.subject import Subject
from disbench.storage import open_dataset, open_table

Picture = Callable[[Subject, Path], list[Path]]

PICTURES: dict[str, Picture] = {
    "reconstructions": reconstructions,
    "samples": samples,
    "traversals": traversals,
    "cycles": cycles,
    "kl": kl,
    "information": information,
    "importance": importance,
    "accuracy": accuracy,
    "effects": effects,
    "groups": groups,
    "dendrogram": dendrogram,
}


def draw_all(
    model: Path,
    store: Path,
    table: Path,
    out: Path,
    *,
    names: Sequence[str] = tuple(PICTURES),
    values: Range = "fixed",
    seed: int = 0,
    num_points: int = 10_000,
) -> list[Path]:
    """Draw pictures of a trained model into a folder, and return the files; the same inputs give the same bytes.

    Parameters
    ----------
    model
        Folder of encoder and decoder.
    store
        Image store that it was trained on.
    table
        Codes of all its images.
    out
        Made if it is not there.
    names
        Which pictures, of `PICTURES`; by default all.
    values
        Range of the traversals, of `images.limits`.
    seed
        Of the images and points that are drawn.
    num_points
        Points from which matrices are estimated; trees, which take longest, see at most 2,500 of them.

    Raises
    ------
    ValueError
        If there is no picture of a name, or model, store and table do not belong together.
    """
    for name in names:
        if name not in PICTURES:
            raise ValueError(no_such("picture", name, PICTURES))
    subject = Subject(Model(model), open_dataset(store), open_table(table), seed, num_points)
    draw: dict[str, Picture] = {**PICTURES, "traversals": partial(traversals, values=values)}
    return [path for name in names for path in draw[name](subject, out)]
