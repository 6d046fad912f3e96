import hashlib
import json
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.http_server import Server, serving

from disbench import catalogue
from disbench.datasets._origin import Origin, RawFile, origin, origins
from disbench.download import DownloadError
from disbench.stages.fetch import fetch, fetch_files, find_origin

FIRST, SECOND = np.random.default_rng(0).bytes(100_000), np.random.default_rng(1).bytes(70_000)


def source_of(server: Server | None = None, url: str = "http://127.0.0.1:9") -> Origin:
    """Two files: of one everything is known, of the other nothing."""
    base = server.url if server else url
    known = RawFile("first.bin", (f"{base}/first.bin",), len(FIRST), hashlib.sha256(FIRST).hexdigest())
    return Origin("robots", "MIT", "", "", (known, RawFile("second.bin", (f"{base}/second.bin",))))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "robots"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_are_fetched_and_an_unknown_checksum_is_recorded(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(files={"/first.bin": FIRST, "/second.bin": SECOND}) as server:
        fetch_files(source_of(server), out)
    assert names(out) == ["fetched.json", "first.bin", "second.bin"]
    record = json.loads((out / "fetched.json").read_text())["files"]
    assert record["first.bin"]["published_checksum"]
    digest = hashlib.sha256(SECOND).hexdigest()
    assert record["second.bin"] == {"bytes": 70_000, "sha256": digest, "published_checksum": False}
    said = capsys.readouterr().err
    assert f"robots: downloads 100.0 kB and second.bin of unpublished size into {out}; " in said
    assert f"nobody has published a checksum of second.bin; recorded SHA-256 {digest}" in said


def test_fetching_again_downloads_nothing_and_says_nothing(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(files={"/first.bin": FIRST, "/second.bin": SECOND}) as server:
        fetch_files(source_of(server), out)
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        capsys.readouterr()
        server.asked.clear()
        fetch_files(source_of(server), out)
        assert not server.asked
        assert capsys.readouterr().err == ""
        (out / "second.bin").unlink()
        server.files["/second.bin"] = SECOND[::-1]
        with pytest.raises(DownloadError, match=r"(?s)second\.bin has SHA-256 .*the first download, in .*json"):
            fetch_files(source_of(server), out, waits=())
        (out / "second.bin").write_bytes(SECOND[::-1])
        with pytest.raises(ValueError, match=r"(?s)delete it and fetch robots.*Nobody has published.*fetched\.json"):
            fetch_files(source_of(server), out, waits=())
    assert before["fetched.json"] == (out / "fetched.json").read_bytes()


def test_offline_says_what_to_put_where_and_accepts_it_there(out: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        fetch_files(source_of(), out, waits=())
    told = str(caught.value)
    assert told.startswith("robots: first.bin could not be downloaded:\n  http://127.0.0.1:9/first.bin: ")
    expected = (
        f"Get first.bin (bytes 100,000, SHA-256 {hashlib.sha256(FIRST).hexdigest()}) elsewhere, put it into {out}/"
    )
    assert expected in told
    assert "--from or in the environment variable DISBENCH_RAW" in told
    (out / "first.bin").write_bytes(FIRST)
    (out / "second.bin").write_bytes(SECOND)
    fetch_files(source_of(), out, waits=())
    assert names(out) == ["fetched.json", "first.bin", "second.bin"]


def test_a_wrong_file_put_there_by_hand_is_refused_and_left_alone(out: Path) -> None:
    out.mkdir(parents=True)
    (out / "first.bin").write_bytes(FIRST[:1000])
    with pytest.raises(
        ValueError, match=r"first\.bin has 1,000 bytes, expected 100,000; delete it and fetch robots again"
    ):
        fetch_files(source_of(), out)
    (out / "first.bin").write_bytes(FIRST[::-1])
    with pytest.raises(ValueError, match=r"first\.bin has SHA-256 .*, expected .*; delete it"):
        fetch_files(source_of(), out)
    assert names(out) == ["first.bin"]


def test_files_that_a_user_has_are_copied(out: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "robots").mkdir(parents=True)
    (own / "first.bin").write_bytes(FIRST)
    (own / "robots" / "second.bin").write_bytes(SECOND)
    fetch_files(source_of(), out, folders=[tmp_path / "nothing", own])
    assert (out / "first.bin").read_bytes() == FIRST
    assert (out / "second.bin").read_bytes() == SECOND
    (out / "first.bin").unlink()
    (own / "first.bin").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"own/first\.bin has 5 bytes, expected 100,000; it is not the published file"):
        fetch_files(source_of(), out, folders=[own])


def test_mirrors_come_first(out: Path) -> None:
    with serving(files={"/pub/first.bin": FIRST, "/pub/second.bin": SECOND}) as mirror:
        fetch_files(source_of(), out, mirrors=["http://127.0.0.1:9/none", f"{mirror.url}/pub/"], waits=())
    assert [path for path, _ in mirror.asked] == ["/pub/first.bin", "/pub/second.bin"]


def test_a_full_disk_is_noticed_before_anything_is_downloaded(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(1_000_000, 950_000, 50_000)
    monkeypatch.setattr("disbench.stages._room.shutil.disk_usage", lambda path: usage)
    with serving(files={"/first.bin": FIRST}) as server:
        with pytest.raises(OSError, match="robots: needs 100,000 bytes in .*; 50,000 are free, make room first"):
            fetch_files(source_of(server), out)
        assert not server.asked


def test_copies_need_room_too(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first.bin").write_bytes(FIRST)
    (tmp_path / "second.bin").write_bytes(SECOND)
    usage = namedtuple("usage", "total used free")(1_000_000, 850_000, 150_000)
    monkeypatch.setattr("disbench.stages._room.shutil.disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="robots: needs 170,000 bytes in .*; 150,000 are free"):
        fetch_files(source_of(), out, folders=[tmp_path])
    assert names(out) == []


def test_what_killed_processes_left_is_gone_when_all_files_are_there(out: Path) -> None:
    out.mkdir(parents=True)
    (out / "first.bin").write_bytes(FIRST)
    (out / "second.bin").write_bytes(SECOND)
    for left in (".first.bin.copy", ".first.bin.partial", ".second.bin.partial.json", "..second.bin.partial.json.tmp"):
        (out / left).write_bytes(b"left")
    (out / ".mine").write_bytes(b"not ours")
    fetch_files(source_of(), out)
    assert names(out) == [".mine", "fetched.json", "first.bin", "second.bin"]


def test_the_room_for_the_store_is_stated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = replace(origin("shapes3d"), files=(RawFile("3dshapes.h5", ("http://127.0.0.1:9/3dshapes.h5",)),))
    with pytest.raises(DownloadError, match="refused"):
        fetch_files(found, tmp_path, waits=())
    assert "shapes3d: its store will need up to 5.9 GB more" in capsys.readouterr().err


def test_names_of_data_sets_and_of_sources_are_found(tmp_path: Path) -> None:
    assert find_origin("smallnorb_unclipped").name == "smallnorb"
    assert find_origin("dsprites_npz").files[0].name.endswith(".npz")
    with pytest.raises(ValueError, match="no data set called 'cars'. Did you mean 'cars3d'"):
        find_origin("cars")
    fetch("dsprites_full", tmp_path / "sprites")
    assert json.loads((tmp_path / "sprites" / "fetched.json").read_text()) == {"name": "dsprites_rendered", "files": {}}


@pytest.mark.parametrize("name", origins())
def test_sources_are_complete(name: str) -> None:
    found = origin(name)
    assert found.licence
    assert found.citation
    for file in found.files:
        assert file.urls
        assert all(url.startswith(("http://", "https://")) for url in file.urls)
        assert file.sha256 is None or (len(file.sha256) == 64 and file.bytes)
        assert file.md5 is None or len(file.md5) == 32


def test_every_data_set_has_an_origin() -> None:
    for name in catalogue.names("datasets"):
        dataset = catalogue.find("datasets", name)
        assert dataset.origin.name in origins()
        assert bool(dataset.origin.files) == dataset.raw
