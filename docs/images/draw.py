"""Pictures of these pages, from a trained run, and the film of several objectives side by side.

python docs/images/draw.py pages MODEL STORE TABLE
python docs/images/draw.py film STORE beta_vae=MODEL factor_vae=MODEL ...
"""

import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from disbench.files import write_bytes
from disbench.pictures.cycles import interval_cycle
from disbench.pictures.draw import draw_all
from disbench.pictures.model import Model, observed
from disbench.pictures.tiles import LABEL_WIDTH, side_by_side, stack, text, to_pixels, write_gif
from disbench.seeds import derive_rng
from disbench.storage import open_dataset

HERE = Path(__file__).parent
SHOWN = {
    "reconstructions": "reconstructions.png",
    "traversals": "traversals_1.png",
    "information": "mutual_information.png",
    "kl": "kl.png",
    "effects": "interventional_effects.png",
    "dendrogram": "dendrogram.png",
}
NUM_COLORS = 48  # of a palette: enough for these pages, and a third of the bytes
NUM_LATENTS, NUM_IMAGES = 6, 500


def pages(model: str, store: str, table: str) -> None:
    with TemporaryDirectory() as folder:
        draw_all(Path(model), Path(store), Path(table), Path(folder), names=list(SHOWN))
        for name in SHOWN.values():
            picture = Image.open(Path(folder, name)).convert("RGB").quantize(NUM_COLORS, dither=Image.Dither.NONE)
            content = io.BytesIO()
            picture.save(content, format="PNG", optimize=True)
            write_bytes(HERE / name, content.getvalue())


def film(store: str, *named: str) -> None:
    """A row for each objective; of each the latents whose codes vary most over some images, all in motion at once."""
    images = open_dataset(store)
    rows = images.space.sample(NUM_IMAGES, derive_rng(0, "film"))
    seen = observed(images, rows, 0)
    strips = [strip(*item.split("=", 1), seen) for item in named]
    write_gif(HERE / "traversals.gif", [stack(list(frames)) for frames in zip(*strips, strict=True)])


def strip(name: str, folder: str, seen: np.ndarray) -> list[np.ndarray]:
    model = Model(folder)
    codes = model.encode(seen)
    base, deviation = codes[1], codes.std(axis=0)
    reach = np.full(len(base), 2.0)
    values = interval_cycle(base, -reach, reach)
    frames = []
    for step in values:
        swept = np.tile(base, (NUM_LATENTS, 1))
        for row, latent in enumerate(np.argsort(-deviation)[:NUM_LATENTS]):
            swept[row, latent] = step[latent]
        decoded = to_pixels(model.decode(swept))
        frames.append(side_by_side([text(name, LABEL_WIDTH // 2 + 20, decoded.shape[1], anchor="lm"), *decoded]))
    return frames


if __name__ == "__main__":
    {"pages": pages, "film": film}[sys.argv[1]](*sys.argv[2:])
