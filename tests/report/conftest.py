"""One small run, its page, and a browser that shows it."""

import shutil

import pytest
import torch
from tests.docs.snippets import make_workspace
from tests.report.browser import browser as open_browser

from disbench.report.run import read_run
from disbench.report.single import single_page


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A finished run on the toy set."""
    made = tmp_path_factory.mktemp("run")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    make_workspace(made)
    yield made
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def run(folder):
    return read_run(folder)


@pytest.fixture(scope="session")
def page(run, folder):
    """Its page, as a file."""
    path = folder / "report.html"
    path.write_text(single_page(run))
    return path


@pytest.fixture(scope="session")
def browser():
    if shutil.which("chromedriver") is None:
        pytest.fail("no chromedriver; run `make test`, which installs chromium and chromium-driver")
    with open_browser() as driver:
        yield driver
