import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from disbench.download import DownloadError, download
from tests import ROOT
from tests.http_server import serving

CONTENT = np.random.default_rng(0).bytes(3_000_000)
NOW = (0.0, 0.0)


def check_of(content: bytes) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != hashlib.sha256(content).hexdigest():
            raise ValueError(f"{path.name} has SHA-256 {found}, expected another")

    return check


def anything(path: Path) -> None:
    pass


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_and_its_progress_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(files={"/set/a.bin": CONTENT}) as server:
        download([f"{server.url}/set/a.bin"], tmp_path / "new" / "a.bin", check_of(CONTENT), num_bytes=len(CONTENT))
    assert (tmp_path / "new" / "a.bin").read_bytes() == CONTENT
    assert names(tmp_path / "new") == ["a.bin"]
    assert "fetch a.bin: 3.0 MB of 3.0 MB (100%), " in capsys.readouterr().err


def test_broken_connections_go_on_where_they_stopped(tmp_path: Path) -> None:
    with serving(files={"/a.bin": CONTENT}, drops=[1_000_000, 700_000, 0, 300_000]) as server:
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT), num_bytes=len(CONTENT), waits=NOW)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    ranges = [asked for _, asked in server.asked]
    assert ranges == [None, "bytes=1000000-", "bytes=1700000-", "bytes=1700000-", "bytes=2000000-"]


def test_a_server_without_ranges_sends_the_whole_again(tmp_path: Path) -> None:
    with serving(files={"/a.bin": CONTENT}, drops=[1_000_000], knows_ranges=False) as server:
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT), num_bytes=len(CONTENT), waits=NOW)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert len(server.asked) == 2


@pytest.mark.parametrize("pinned", [True, False])
def test_a_file_that_has_changed_meanwhile_is_not_glued_together(tmp_path: Path, pinned: bool) -> None:
    other = CONTENT[::-1]
    with serving(files={"/a.bin": CONTENT}, drops=[1_000_000] * 3) as server:
        with pytest.raises(DownloadError, match="the connection broke"):
            download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT), pinned=pinned, waits=())
        server.files["/a.bin"], server.etag, server.drops = other, '"two"', []
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(other), pinned=pinned, waits=NOW)
    assert (tmp_path / "a.bin").read_bytes() == other


def test_without_checksum_the_rest_is_only_taken_from_where_the_beginning_was(tmp_path: Path) -> None:
    with serving(files={"/a.bin": CONTENT}, drops=[1_000_000]) as first, serving(files={"/a.bin": CONTENT}) as second:
        urls = [f"{first.url}/a.bin", f"{second.url}/a.bin"]
        download(urls, tmp_path / "a.bin", anything, waits=())
        assert second.asked == [("/a.bin", None)]
        (tmp_path / "a.bin").unlink()
        first.drops, first.asked, second.asked = [1_000_000], [], []
        download(urls, tmp_path / "a.bin", check_of(CONTENT), pinned=True, waits=())
        assert second.asked == [("/a.bin", "bytes=1000000-")]


def test_a_wrong_beginning_is_thrown_away_once(tmp_path: Path) -> None:
    (tmp_path / ".a.bin.partial").write_bytes(bytes(500_000))
    with serving(files={"/a.bin": CONTENT}) as server:
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT), pinned=True, waits=NOW)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == ["bytes=500000-", None]


def test_more_bytes_than_the_file_has_are_thrown_away(tmp_path: Path) -> None:
    (tmp_path / ".a.bin.partial").write_bytes(bytes(4_000_000))
    with serving(files={"/a.bin": CONTENT}) as server:
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT), pinned=True, waits=NOW)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_the_next_address_is_tried_and_every_reason_told(tmp_path: Path) -> None:
    with serving(files={"/short/a.bin": CONTENT[:-1], "/wrong/a.bin": bytes(len(CONTENT))}) as server:
        urls = [f"{server.url}/{folder}/a.bin" for folder in ("none", "short", "wrong")]
        with pytest.raises(DownloadError) as caught:
            download(urls, tmp_path / "a.bin", check_of(CONTENT), num_bytes=len(CONTENT), waits=())
        lines = str(caught.value).splitlines()
        assert lines[0] == "a.bin could not be downloaded:"
        assert "404" in lines[1]
        assert lines[2].endswith("/short/a.bin: the server offers 2,999,999 bytes, expected 3,000,000")
        assert "/wrong/a.bin: .a.bin.partial has SHA-256" in lines[3]
        assert names(tmp_path) == []
        server.files["/good/a.bin"] = CONTENT
        download([*urls, f"{server.url}/good/a.bin"], tmp_path / "a.bin", check_of(CONTENT), waits=())
    assert names(tmp_path) == ["a.bin"]


def test_an_overloaded_server_is_asked_again_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("disbench.download.time.sleep", waited.append)
    with serving(files={"/a.bin": CONTENT}, failures=[503, 429, 500]) as server:
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT))
        assert waited == [1, 2, 4]
        server.failures = [503] * 10
        with pytest.raises(DownloadError, match="the server answers 503"):
            download([f"{server.url}/a.bin"], tmp_path / "b.bin", check_of(CONTENT))
    assert waited[3:] == [1, 2, 4, 8, 16]


def test_a_web_page_is_not_taken_for_the_file(tmp_path: Path) -> None:
    with (
        serving(files={"/a.bin": b"<html>log in</html>"}, content_type="text/html; charset=utf-8") as server,
        pytest.raises(DownloadError, match="a web page instead of the file"),
    ):
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", anything, waits=())
    assert names(tmp_path) == []


def test_a_server_that_tells_no_length_is_believed_only_if_the_size_is_right(tmp_path: Path) -> None:
    with serving(files={"/a.bin": CONTENT}, tells_length=False, drops=[1_000_000]) as server:
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", anything, num_bytes=len(CONTENT), waits=NOW)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_the_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(files={"http://data.invalid/a.bin": CONTENT}) as proxy:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", proxy.url)
        download(["http://data.invalid/a.bin"], tmp_path / "a.bin", check_of(CONTENT), waits=())
    assert proxy.asked == [("http://data.invalid/a.bin", None)]


def test_offline_the_reason_is_told_at_once(tmp_path: Path) -> None:
    with serving() as server:
        url = f"{server.url}/a.bin"
    with pytest.raises(DownloadError, match=r"(?s)a\.bin could not be downloaded:.*refused"):
        download([url], tmp_path / "a.bin", anything, waits=())


KILLED = """
import sys
from pathlib import Path
from disbench.download import download
download([sys.argv[1]], Path(sys.argv[2]), lambda path: None)
"""


def test_a_killed_download_leaves_no_file_and_goes_on(tmp_path: Path) -> None:
    big = CONTENT * 30
    with serving(files={"/a.bin": big}, drops=[len(big) // 2]) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, f"{server.url}/a.bin", tmp_path / "a.bin"],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        partial = tmp_path / ".a.bin.partial"
        deadline = time.monotonic() + 30
        while not (partial.exists() and partial.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "a.bin").exists()
        had = partial.stat().st_size
        server.drops, server.asked = [], []
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(big))
        assert server.asked == [("/a.bin", f"bytes={had}-")]
    assert (tmp_path / "a.bin").read_bytes() == big
