"""A real browser, Debian's chromium, that opens a page from the disk and tells what the page asked for.

As a script it photographs a page at two widths in both colour schemes: `python -m tests.report.browser PAGE FOLDER`.
"""

import json
import shutil
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
SCHEMES = ("light", "dark")


@contextmanager
def browser() -> Iterator[Chrome]:
    """A browser without a past, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as profile:
        options = ChromeOptions()
        for flag in [*FLAGS, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
        driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))
        driver.set_script_timeout(60)
        try:
            driver.get("about:blank")
            driver.get_log("performance")  # what the browser's own first page asked for
            yield driver
        finally:
            driver.quit()


def look_as(driver: Chrome, size: tuple[int, int], scheme: str) -> None:
    """Give the window a size that a phone may have, and the reader a colour scheme."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def wait_until_quiet(driver: Chrome) -> None:
    """Wait until the filmstrips are painted and the plots drawn."""
    driver.execute_async_script(
        """
        const done = arguments[0];
        const painted = (explorer) => explorer.getAttribute("aria-busy") === "false";
        const drawn = (plot) => plot.querySelector("div") !== null;
        (function look() {
          const explorers = [...document.querySelectorAll(".explorer")];
          const plots = [...document.querySelectorAll(".plot")];
          if (explorers.every(painted) && plots.every(drawn)) setTimeout(done, 300);
          else setTimeout(look, 50);
        })();
        """
    )


def requests_of(driver: Chrome) -> list[str]:
    """Addresses that the browser asked for since the last call."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


def complaints_of(driver: Chrome) -> list[str]:
    """What the console said since the last call: errors and warnings, broken policies among them."""
    entries: list[dict[str, Any]] = driver.get_log("browser")
    return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]


def photograph(driver: Chrome, path: Path) -> None:
    """PNG file of the whole page."""
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    path.write_bytes(b64decode(shot["data"]))


def main(page: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as driver:
        for name, size in SIZES.items():
            for scheme in SCHEMES:
                look_as(driver, size, scheme)
                driver.get(page.resolve().as_uri())
                wait_until_quiet(driver)
                height = driver.execute_script("return document.documentElement.scrollHeight")
                photograph(driver, folder / f"{name}-{scheme}.png")
                look_as(driver, (size[0], height), scheme)
                photograph(driver, folder / f"{name}-{scheme}-whole.png")
        print(requests_of(driver), complaints_of(driver))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
