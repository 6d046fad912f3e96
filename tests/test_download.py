import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import namedtuple
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


def test_a_whole_but_wrong_part_is_downloaded_from_its_beginning(tmp_path: Path) -> None:
    (tmp_path / ".a.bin.partial").write_bytes(bytes(len(CONTENT)))
    with serving(files={"/a.bin": CONTENT}) as server:
        url = f"{server.url}/a.bin"
        download([url], tmp_path / "a.bin", check_of(CONTENT), num_bytes=len(CONTENT), pinned=True, waits=())
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.asked == [("/a.bin", None)]


def test_without_checksum_a_whole_part_of_unknown_origin_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / ".a.bin.partial").write_bytes(bytes(len(CONTENT)))
    with serving(files={"/a.bin": CONTENT}) as server:
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", anything, num_bytes=len(CONTENT), waits=())
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("pinned", [True, False])
def test_another_validator_of_the_rest_is_noticed_though_the_server_does_not_heed_if_range(
    tmp_path: Path, pinned: bool
) -> None:
    other = CONTENT[::-1]
    with serving(files={"/a.bin": CONTENT}, drops=[1_000_000], checks_validator=False) as server:
        url = f"{server.url}/a.bin"
        with pytest.raises(DownloadError, match="the connection broke"):
            download([url], tmp_path / "a.bin", anything, pinned=pinned, waits=())
        server.files["/a.bin"], server.etag, server.asked = other, '"two"', []
        download([url], tmp_path / "a.bin", anything, pinned=pinned, waits=NOW)
    assert (tmp_path / "a.bin").read_bytes() == other
    assert [asked for _, asked in server.asked] == ["bytes=1000000-", None]


@pytest.mark.parametrize("wrong", ["bytes 0-2999999/3000000", "bytes 5-2999999/3000000", "nonsense", ""])
def test_a_rest_that_begins_elsewhere_is_not_glued_on(tmp_path: Path, wrong: str) -> None:
    with serving(files={"/a.bin": CONTENT}, drops=[1_000_000], content_ranges=[wrong]) as server:
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", anything, waits=NOW)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=1000000-", None]


def test_a_rest_of_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    ranges = ["bytes 1000000-2999999/4000000"]
    with (
        serving(files={"/a.bin": CONTENT}, drops=[1_000_000], content_ranges=ranges) as server,
        pytest.raises(DownloadError, match="the server offers 4,000,000 bytes, expected 3,000,000"),
    ):
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", anything, num_bytes=len(CONTENT), waits=NOW)


def write_part(folder: Path, content: bytes, url: str) -> None:
    """What a process leaves that was killed after the last byte."""
    (folder / ".a.bin.partial").write_bytes(content)
    (folder / ".a.bin.partial.json").write_text(json.dumps({"url": url, "validator": '"one"'}))


def test_a_part_that_turns_out_to_be_the_whole_is_not_received_again(tmp_path: Path) -> None:
    with serving(files={"/a.bin": CONTENT}) as server:
        write_part(tmp_path, CONTENT, f"{server.url}/a.bin")
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT), waits=())
    assert names(tmp_path) == ["a.bin"]
    assert server.asked == [("/a.bin", "bytes=3000000-")]


def test_a_part_of_which_nobody_tells_whether_it_is_the_whole_is_received_again(tmp_path: Path) -> None:
    with serving(files={"/a.bin": CONTENT}, tells_total=False) as server:
        write_part(tmp_path, CONTENT, f"{server.url}/a.bin")
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT), waits=NOW)
    assert names(tmp_path) == ["a.bin"]
    assert server.asked == [("/a.bin", "bytes=3000000-"), ("/a.bin", None)]


@pytest.mark.parametrize("note", [b"", b'{"url": "htt', b"[1]", b"\xff\xfe"])
def test_a_damaged_note_is_no_note(tmp_path: Path, note: bytes) -> None:
    (tmp_path / ".a.bin.partial").write_bytes(CONTENT[:1000])
    (tmp_path / ".a.bin.partial.json").write_bytes(note)
    with serving(files={"/a.bin": CONTENT}) as server:
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT), waits=())
    assert server.asked == [("/a.bin", None)]
    assert names(tmp_path) == ["a.bin"]


def test_a_body_without_length_is_received_no_further_than_the_file_is_long(tmp_path: Path) -> None:
    with (
        serving(files={"/a.bin": CONTENT * 20}, tells_length=False) as server,
        pytest.raises(DownloadError, match=r"the server sends more than the expected 3,000,000 bytes"),
    ):
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", anything, num_bytes=len(CONTENT), waits=())
    assert names(tmp_path) == []


def test_a_disk_too_small_for_what_the_server_offers_is_noticed_before_it_is_received(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")(9_000_000, 7_000_000, 2_000_000)
    monkeypatch.setattr("disbench.transfer.shutil.disk_usage", lambda path: usage)
    with serving(files={"/a.bin": CONTENT}) as server:
        with pytest.raises(OSError, match=r"a\.bin: needs 3,000,000 more bytes in .*; 2,000,000 are free, make room"):
            download([f"{server.url}/a.bin"], tmp_path / "a.bin", anything, waits=())
        assert names(tmp_path) == []
        write_part(tmp_path, CONTENT[:1_500_000], f"{server.url}/a.bin")
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT), waits=())


def test_redirects_are_followed_also_by_what_goes_on(tmp_path: Path) -> None:
    with serving(files={"/b.bin": CONTENT}, redirects={"/a.bin": "/b.bin"}, drops=[1_000_000]) as server:
        download([f"{server.url}/a.bin"], tmp_path / "a.bin", check_of(CONTENT), waits=NOW)
        server.redirects = {"/a.bin": "/a.bin", "/c.bin": "file:///etc/passwd"}
        with pytest.raises(DownloadError, match=r"(?s)Exceeded 30 redirects.*No connection adapters"):
            download([f"{server.url}/a.bin", f"{server.url}/c.bin"], tmp_path / "c.bin", anything, waits=())
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.asked[:4] == [("/a.bin", None), ("/b.bin", None), ("/a.bin", "bytes=1000000-"),
                                ("/b.bin", "bytes=1000000-")]  # fmt: skip
    assert names(tmp_path) == ["a.bin"]


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
