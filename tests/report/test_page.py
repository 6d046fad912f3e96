"""The page in a real browser."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from tests.report.browser import SCHEMES, SIZES, complaints_of, look_as, requests_of, wait_until_quiet

from disbench import load_decoder
from disbench.factors import FactorSpace
from disbench.report.single import single_page

READ_CANVAS = """
const [canvas] = arguments;
const { width, height } = canvas;
const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
copy.drawImage(canvas, 0, 0);
return [...copy.getImageData(0, 0, width, height).data];
"""
SET_SLIDER = """
const [slider, value] = arguments;
slider.value = value;
slider.dispatchEvent(new Event("input"));
slider.dispatchEvent(new Event("change"));
"""
LAYOUT_SHIFT = """
const done = arguments[0];
let total = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) total += entry.value; })
  .observe({ type: "layout-shift", buffered: true });
setTimeout(() => done(total), 200);
"""


@pytest.fixture(scope="module")
def opened(browser, page):
    look_as(browser, SIZES["desktop"], "light")
    requests_of(browser), complaints_of(browser)
    browser.get(page.as_uri())
    wait_until_quiet(browser)
    return browser


def canvas_bytes(browser, selector=".decoded"):
    """uint8 (pixels, 4) of a canvas."""
    canvas = browser.find_element(By.CSS_SELECTOR, selector)
    return np.array(browser.execute_script(READ_CANVAS, canvas), dtype=np.uint8).reshape(-1, 4)


def sliders(browser):
    return browser.find_elements(By.CSS_SELECTOR, "input[type=range]")


def test_nothing_is_requested_and_nothing_complains(opened, page):
    asked = [url for url in requests_of(opened) if not url.startswith("data:")]
    assert asked == [page.as_uri()]
    assert complaints_of(opened) == []


def test_the_policy_stops_requests_and_foreign_scripts(opened):
    answer = "const done = arguments[0]; fetch('data:,x').then(() => done('came'), () => done('refused'))"
    assert opened.execute_async_script(answer) == "refused"
    opened.execute_script(
        "const s = document.createElement('script'); s.textContent = 'document.title = 1'; document.body.append(s)"
    )
    assert opened.title.startswith("beta_vae on toy")
    assert len(complaints_of(opened)) >= 2


def test_a_slider_changes_the_image(opened):
    before = canvas_bytes(opened)
    slider = sliders(opened)[0]
    opened.execute_script(SET_SLIDER, slider, slider.get_attribute("max"))
    wait_until_quiet(opened)
    assert (canvas_bytes(opened) != before).any()
    opened.find_element(By.CSS_SELECTOR, ".reset").click()
    wait_until_quiet(opened)
    assert (canvas_bytes(opened) == before).all()


def test_the_decoded_image_is_that_of_torch(opened, run):
    decoder = load_decoder(run.model_path)
    rng = np.random.default_rng(0)
    for _ in range(3):
        code = np.zeros(run.table.num_latents, dtype=np.float32)
        for slider in sliders(opened):
            low, high = float(slider.get_attribute("min")), float(slider.get_attribute("max"))
            opened.execute_script(SET_SLIDER, slider, rng.uniform(low, high))
            code[int(slider.get_attribute("data-latent"))] = float(slider.get_property("value"))
        wait_until_quiet(opened)
        with torch.inference_mode():
            expected = decoder(torch.from_numpy(code)[None]).sigmoid().numpy().reshape(-1, 1)
        assert np.abs(canvas_bytes(opened)[:, :3] / 255 - expected).max() <= 1 / 255


def test_the_keyboard_moves_sliders_and_chooses_images(opened):
    slider = sliders(opened)[0]
    value, shown = slider.get_property("value"), canvas_bytes(opened)
    slider.send_keys(*[Keys.ARROW_LEFT] * 20, *[Keys.ARROW_RIGHT] * 30)
    wait_until_quiet(opened)
    assert slider.get_property("value") != value
    assert (canvas_bytes(opened) != shown).any()
    bases = opened.find_elements(By.CSS_SELECTOR, ".bases input")
    original = opened.find_element(By.CSS_SELECTOR, ".original")
    before = original.get_attribute("alt")
    bases[0].send_keys(Keys.ARROW_RIGHT)
    assert bases[1].is_selected()
    assert original.get_attribute("alt") != before


def test_every_control_is_reached_by_the_keyboard(opened):
    opened.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached = set()
    for _ in range(60):
        ActionChains(opened).send_keys(Keys.TAB).perform()
        reached.add(opened.switch_to.active_element.get_attribute("outerHTML")[:60])
    every = opened.find_elements(By.CSS_SELECTOR, "a, button, summary, input[type=range], input[type=radio]:checked")
    assert {element.get_attribute("outerHTML")[:60] for element in every} <= reached


def test_a_table_sorts_both_ways(opened):
    table = opened.find_element(By.CSS_SELECTOR, "table.sortable")
    head = table.find_element(By.CSS_SELECTOR, "th button")

    def latents():
        cells = table.find_elements(By.CSS_SELECTOR, "tbody td:first-child")
        return [int(cell.text.removeprefix("z")) for cell in cells]

    head.send_keys(Keys.ENTER)
    assert latents() == list(range(len(latents())))
    head.click()
    assert latents() == list(range(len(latents())))[::-1]
    assert table.find_element(By.CSS_SELECTOR, "th").get_attribute("aria-sort") == "descending"


def test_what_is_seen_has_words(opened):
    pictures = opened.find_elements(By.CSS_SELECTOR, "img, canvas, .plot, .scale")
    assert [p.get_attribute("outerHTML") for p in pictures if not p.accessible_name] == []
    inputs = opened.find_elements(By.CSS_SELECTOR, "input, button")
    assert [i.get_attribute("outerHTML") for i in inputs if not i.accessible_name] == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_fits_without_jumps(browser, page, size, scheme):
    look_as(browser, SIZES[size], scheme)
    browser.get(page.as_uri())
    wait_until_quiet(browser)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= SIZES[size][0]
    assert browser.execute_async_script(LAYOUT_SHIFT) < 0.02
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")
    assert complaints_of(browser) == []


def test_names_from_outside_are_text(browser, run, tmp_path):
    evil = "<script>document.title='broken'</script><img src=x onerror=document.title='broken'>"
    space = FactorSpace((evil, *run.table.space.names[1:]), run.table.space.sizes)
    description = {**run.description, "dataset": evil, "hyperparameters": {evil: evil}}
    path = tmp_path / "report.html"
    renamed = replace(
        run,
        model={**run.model, "description": description},
        curves={**run.curves, evil: run.curves["loss"]},
        store=replace(run.store, space=space),
        table=replace(run.table, space=space),
    )
    path.write_text(single_page(renamed))
    browser.get(path.as_uri())
    wait_until_quiet(browser)
    assert evil in browser.find_element(By.TAG_NAME, "h1").text
    assert "broken" not in browser.title.replace(evil, "")
    assert browser.find_elements(By.CSS_SELECTOR, "img[src=x]") == []
    assert complaints_of(browser) == []
