"""The film of the README: the explorer of a report while its sliders move.

PYTHONPATH=src:. python docs/images/film_explorer.py REPORT
"""

import io
import math
import sys
from pathlib import Path

from PIL import Image
from selenium.webdriver.common.by import By
from tests.report.browser import browser, look_as, wait_until_quiet

HERE = Path(__file__).parent
SIZE, SCHEME, WIDTH = (1180, 1600), "dark", 880
NUM_LATENTS, NUM_FRAMES, MILLISECONDS = 4, 12, 120
NUM_COLORS, MARGIN = 128, 16
MOVE = """
const slider = document.querySelectorAll('.latent input[type=range]')[arguments[0]];
slider.dataset.start ??= slider.value;
const start = Number(slider.dataset.start), reach = (slider.max - slider.min) / 2;
slider.value = start + reach * arguments[1]; // the slider keeps to its range
slider.dispatchEvent(new Event('input', {bubbles: true}));
return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
"""


def main(report: str) -> None:
    frames = []
    with browser() as driver:
        look_as(driver, SIZE, SCHEME)
        driver.get(Path(report).absolute().as_uri())
        wait_until_quiet(driver)
        explorer = driver.find_element(By.CSS_SELECTOR, ".explorer")
        for latent in range(NUM_LATENTS):
            for frame in range(NUM_FRAMES + 1):
                # out and back, and at last where it began
                driver.execute_script(MOVE, latent, round(math.sin(2 * math.pi * frame / NUM_FRAMES), 6))
                frames.append(framed(Image.open(io.BytesIO(explorer.screenshot_as_png)).convert("RGB")))
    palette = frames[0].quantize(NUM_COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    drawn[0].save(
        HERE / "explorer.gif", save_all=True, append_images=drawn[1:], duration=MILLISECONDS, loop=0, optimize=True
    )


def framed(shot: Image.Image) -> Image.Image:
    """The shot at the width of the README, with a margin in the colour of its corner."""
    shot = shot.resize((WIDTH, round(WIDTH * shot.height / shot.width)), Image.Resampling.LANCZOS)
    page = Image.new("RGB", (shot.width + 2 * MARGIN, shot.height + 2 * MARGIN), shot.getpixel((0, shot.height - 1)))
    page.paste(shot, (MARGIN, MARGIN))
    return page


if __name__ == "__main__":
    main(sys.argv[1])
