"""The page of several runs, and the page of a study, in a real browser."""

from dataclasses import replace

import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select
from tests.report.browser import SIZES, complaints_of, look_as, requests_of, wait_until_quiet
from typer.testing import CliRunner

from disbench.cli import app
from disbench.report.comparison import Row, columns_of
from disbench.report.several import comparison_page
from disbench.report.study_rows import study_rows

POINTS = "return Bokeh.documents.flatMap((d) => d.roots())[0].renderers[0].data_source.data"
OBJECTIVES = ["beta_vae", "factor_vae"]


def results():
    """Two objectives with three seeds each on two data sets; the score tells which run it is."""
    runs = [(d, o, s) for d in ("toy", "<b>own</b>") for o in OBJECTIVES for s in range(3)]
    return pd.DataFrame(
        [
            {
                "study": "small", "number": number, "fingerprint": f"f{number}", "representation": "mean",
                "metric": metric, "score": score, "value": number / 100 + offset, "dataset.name": dataset,
                "train.objective": objective, "train.seed": seed, "training.kl": 1.0, "seconds.train": 2.0,
            }
            for number, (dataset, objective, seed) in enumerate(runs)
            for metric, score, offset in (("mig", "discrete_mig", 0), ("sap", "SAP_score", 0.5))
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def compared(browser, run, tmp_path_factory):
    """Two runs beside each other, the second with other weights' name and scores."""
    scores = {**run.scores, "mig": {"discrete_mig": 0.9}}
    other = replace(run, scores=scores, model={**run.model, "description": {**run.description, "objective": "mine"}})
    path = tmp_path_factory.mktemp("compared") / "report.html"
    path.write_text(comparison_page({"<i>first</i>": run, "second": other}))
    look_as(browser, SIZES["desktop"], "light")
    requests_of(browser), complaints_of(browser)
    browser.get(path.as_uri())
    wait_until_quiet(browser)
    assert [url for url in requests_of(browser) if not url.startswith("data:")] == [path.as_uri()]
    assert complaints_of(browser) == []
    return browser


@pytest.fixture(scope="module")
def study(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    results().to_csv(folder / "small.csv", index=False)
    made = CliRunner().invoke(app, ["report", str(folder / "small.csv"), "--out", str(folder / "report.html")])
    assert made.exit_code == 0, made.output
    look_as(browser, SIZES["phone"], "dark")
    requests_of(browser), complaints_of(browser)
    browser.get((folder / "report.html").as_uri())
    wait_until_quiet(browser)
    assert complaints_of(browser) == []
    return browser


def shown_rows(browser):
    rows = browser.find_elements(By.CSS_SELECTOR, "tr[data-row]")
    return [row.find_element(By.TAG_NAME, "th").text for row in rows if row.is_displayed()]


def column(browser, title):
    heads = [head.text for head in browser.find_elements(By.CSS_SELECTOR, "table.wide thead th")]
    return heads.index(title)


def test_the_best_of_each_score_is_marked(compared):
    best = column(compared, "mig: discrete_mig")
    cells = [
        row.find_elements(By.CSS_SELECTOR, "th, td")[best]
        for row in compared.find_elements(By.CSS_SELECTOR, "tr[data-row]")
    ]
    assert ["best" in (cell.get_attribute("class") or "") for cell in cells] == [False, True]
    assert shown_rows(compared) == ["<i>first</i>", "second"]


def test_explorers_begin_with_the_same_image(compared):
    first, second = compared.find_elements(By.CSS_SELECTOR, ".explorer")
    first.find_elements(By.CSS_SELECTOR, ".bases input")[3].click()
    assert second.find_elements(By.CSS_SELECTOR, ".bases input")[3].is_selected()
    originals = [explorer.find_element(By.CSS_SELECTOR, ".original") for explorer in (first, second)]
    assert len({original.get_attribute("src") for original in originals}) == 1


def test_a_table_of_runs_sorts_by_a_score(study):
    heads = study.find_elements(By.CSS_SELECTOR, "table.wide thead th button")
    study.execute_script("arguments[0].click(); arguments[0].click()", heads[column(study, "mig: discrete_mig")])
    assert shown_rows(study) == [f"run {number}" for number in reversed(range(12))]


def test_filters_leave_out_rows_and_points(study):
    select = study.find_elements(By.CSS_SELECTOR, "select[data-filter]")
    assert len(select) == 2
    Select(select[0]).select_by_value("<b>own</b>")
    Select(select[1]).select_by_value("factor_vae")
    assert sorted(shown_rows(study)) == ["run 10", "run 11", "run 9"]
    assert study.find_element(By.CSS_SELECTOR, ".count").text == "3 of 12 shown"
    assert study.execute_script(f"{POINTS}.name") == ["run 9", "run 10", "run 11"]
    for filtered in select:
        Select(filtered).select_by_index(0)
    assert len(study.execute_script(f"{POINTS}.name")) == 12


def test_any_two_columns_are_plotted(study):
    across, up = (study.find_element(By.CSS_SELECTOR, f"select[data-axis={axis}]") for axis in ("across", "up"))
    Select(across).select_by_visible_text("objective")
    Select(up).select_by_visible_text("sap: SAP_score")
    points = study.execute_script(f"const d = {POINTS.removeprefix('return ')}; return [[...d.x], [...d.y], d.across]")
    assert [round(x) for x in points[0]] == [OBJECTIVES.index(name) for name in points[2]]
    assert points[1] == pytest.approx([0.5 + number / 100 for number in range(12)])
    width = study.execute_script("return document.documentElement.scrollWidth")
    assert width <= SIZES["phone"][0]
    assert complaints_of(study) == []


def test_columns_are_what_differs_and_what_was_scored():
    rows = [
        Row("a", {"dataset": "toy", "beta": 1, "batch_size": 64}, {"mig: discrete_mig": 0.1, "reconstruction": 9.0}),
        Row("b", {"dataset": "toy", "gamma": 2, "batch_size": 64}, {"mig: discrete_mig": 0.3, "reconstruction": 7.0}),
    ]
    columns = {found.name: found for found in columns_of(rows)}
    assert list(columns) == ["dataset", "beta", "gamma", "mig: discrete_mig", "reconstruction"]
    assert columns["gamma"].cells == (None, 2)
    assert columns["mig: discrete_mig"].best == columns["reconstruction"].best == {1}


def test_rows_of_a_study_are_its_runs():
    rows = study_rows(results())
    assert len(rows) == 12
    assert rows[0].parameters == {"dataset": "toy", "objective": "beta_vae", "seed": 0, "representation": "mean"}
    assert rows[3].scores == {"mig: discrete_mig": 0.03, "sap: SAP_score": 0.53}
    with pytest.raises(ValueError, match="expected a study with finished runs"):
        study_rows(results().iloc[:0])


def test_what_is_neither_a_folder_nor_a_revision_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["report", "no-such-run"])
    assert "'no-such-run' is neither the folder of a run nor a revision" in str(result.exception)


def test_the_figures_of_a_study_are_in_its_page(study):
    drawings = study.find_elements(By.CSS_SELECTOR, ".drawing img")
    captions = {drawing.get_attribute("alt") for drawing in drawings}
    assert {"distribution mig", "distribution sap", "rank correlation"} <= captions
    assert all(study.execute_script("return arguments[0].naturalWidth", drawing) > 100 for drawing in drawings)
