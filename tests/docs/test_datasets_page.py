"""The table of data sets in the documentation says what the modules and sources.yaml say."""

import json

from tests import ROOT

from disbench import catalogue, inventory
from disbench.datasets._dataset import Dataset
from disbench.datasets._origin import origin, origins

PAGE = (ROOT / "docs/datasets.md").read_text()


def row(name: str, dataset: Dataset) -> str:
    space = dataset.space
    factors = ", ".join(
        f"*{factor} {size}*" if factor in space.nuisance else f"{factor} {size}"
        for factor, size in zip(space.names, space.sizes, strict=True)
    )
    height, width, channels = dataset.image_shape
    pixels = f"{height} x {width} x {channels}"
    seen = pixels if dataset.observation == "plain" else f"{pixels}, {dataset.observation}"
    sizes = [inventory.download_text(dataset.origin), inventory.store_text(dataset)]
    return " | ".join([f"| `{name}`", factors, f"{space.num_states:,}", seen, *sizes, f"{dataset.origin.licence} |"])


def sources() -> list[str]:
    found = {}
    for name in origins():
        entry = origin(name)
        found.setdefault((entry.citation.strip(), entry.homepage), []).append(f"`{name}`")
    return [
        f"* {', '.join(names)}: {citation}" + (f". <{homepage}>" if homepage else "")
        for (citation, homepage), names in found.items()
    ]


def expected() -> str:
    rows = [row(name, catalogue.find("datasets", name)) for name in catalogue.names("datasets")]
    return "\n".join([*rows, "", *sources()])


def test_the_page_has_every_data_set_as_it_is() -> None:
    for line in expected().splitlines():
        assert line in PAGE, f"docs/datasets.md lacks the line\n{line}"
    listed = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert len(listed) == len(catalogue.names("datasets"))


def test_files_that_are_not_published_with_a_checksum_are_named() -> None:
    unpinned = [file.name for name in origins() for file in origin(name).files if not (file.sha256 or file.md5)]
    assert unpinned
    for name in unpinned:
        assert f"`{name}`" in PAGE


def test_the_measured_difference_of_observations_is_stated() -> None:
    results = json.loads((ROOT / "benchmarks/results/observations.json").read_text())
    measured = {name: scores for name, scores in results.items() if isinstance(scores, dict)}
    assert measured
    for name, scores in measured.items():
        for metric, found in scores.items():
            values = " | ".join(
                f"{found[key]:.4f}" for key in ("one seeded observation per state", "drawn anew at every look-up")
            )
            differences = " | ".join(
                f"{found[key]:+.4f} ± {found[error]:.4f}"
                for key, error in (
                    ("difference", "its standard error"),
                    ("difference of another seed", "standard error of that"),
                )
            )
            assert f"| {name} | {metric} | {values} | {differences} |" in PAGE
