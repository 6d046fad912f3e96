"""Downloads that go on where they stopped; a file gets its name when it is whole and right."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import requests
import urllib3

from disbench.progress import progress

_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
_TIMEOUT = (20.0, 60.0)  # to connect, and between two pieces
_PIECE = 1 << 20
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)


class DownloadError(OSError):
    """No address gave the file; the message has a line for each, with the reason."""


class _InterruptedError(OSError):
    """Worth another attempt at the same address."""


def download(
    urls: Sequence[str],
    target: Path,
    check: Callable[[Path], None],
    *,
    num_bytes: int | None = None,
    pinned: bool = False,
    waits: Sequence[float] = _WAITS,
) -> None:
    """Download a file from the first address that gives it; proxies are those of the environment.

    What was received is kept beside the target in a hidden file, also when the process is killed, and the next
    attempt asks for the rest.

    Parameters
    ----------
    urls
        Addresses of the same file, best first.
    target
        Where it goes.
    check
        Called with the whole file before it gets its name; raises ValueError if it is not the right one.
    num_bytes
        Its size, if known: what is longer or shorter is not even downloaded.
    pinned
        Whether `check` compares a checksum, so that the rest may come from another address than the beginning.
    waits
        Seconds to wait before one more attempt at an address; they start anew whenever bytes arrive.

    Raises
    ------
    DownloadError
        Every address failed, or gave something else.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    transfer = _Transfer(target, num_bytes, pinned)
    failures = []
    for url in urls:
        try:
            _patiently(transfer, url, waits)
            _checked(transfer, url, check, waits)
        except (requests.RequestException, _InterruptedError, ValueError) as error:
            failures.append(f"  {url}: {error}")
            continue
        transfer.finish()
        return
    raise DownloadError("\n".join([f"{target.name} could not be downloaded:", *failures]))


def _patiently(transfer: "_Transfer", url: str, waits: Sequence[float]) -> None:
    left = list(waits)
    while True:
        before = transfer.size()
        try:
            transfer.attempt(url)
        except (requests.ConnectionError, requests.Timeout, _InterruptedError) as error:
            if transfer.size() > before:
                left = list(waits)
            if not left:
                raise
            print(f"{error}; once more in {left[0]:g} s", file=sys.stderr, flush=True)
            time.sleep(left.pop(0))
        else:
            return


def _checked(transfer: "_Transfer", url: str, check: Callable[[Path], None], waits: Sequence[float]) -> None:
    """Check the whole file; if its beginning was older than this attempt, that may be what is wrong: start over."""
    try:
        check(transfer.partial)
    except ValueError:
        transfer.discard()
        if not transfer.resumed:
            raise
        _patiently(transfer, url, waits)
        check(transfer.partial)


class _Transfer:
    """The part of a file that is there, and what is known of where it came from."""

    def __init__(self, target: Path, num_bytes: int | None, pinned: bool) -> None:
        self.partial = target.with_name(f".{target.name}.partial")
        self.resumed = False
        self._target, self._num_bytes, self._pinned = target, num_bytes, pinned
        self._note = target.with_name(f".{target.name}.partial.json")

    def size(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def discard(self) -> None:
        self.partial.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        with self.partial.open("rb") as file:
            os.fsync(file.fileno())
        self.partial.replace(self._target)
        self._note.unlink(missing_ok=True)

    def attempt(self, url: str) -> None:
        if self._num_bytes is not None and self.size() == self._num_bytes:
            return
        headers = {"Accept-Encoding": "identity", **self._range(url)}
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == 416 or response.status_code in _TRY_AGAIN:
                if response.status_code == 416:
                    self.discard()
                raise _InterruptedError(f"the server answers {response.status_code} {response.reason}")
            response.raise_for_status()
            start = self._start(response)
            self.resumed = start > 0
            self._receive(response, url, start, self._total(response, start))

    def _range(self, url: str) -> dict[str, str]:
        """Headers that ask for the rest, if what is there can only be the beginning of the same file."""
        note = self._read_note()
        same = note.get("url") == url and note.get("validator")
        if not self.size() or not (same or self._pinned):
            return {}
        return {"Range": f"bytes={self.size()}-", **({"If-Range": note["validator"]} if same else {})}

    def _read_note(self) -> dict[str, Any]:
        """Address and validator of what is there; nothing if the note is missing or was cut off by a kill."""
        try:
            note = json.loads(self._note.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def _start(self, response: Any) -> int:
        """Offset at which the answer begins: a server may ignore what was asked for and send the whole."""
        content_range = response.headers.get("Content-Range", "")
        if response.status_code == 206 and content_range.startswith(f"bytes {self.size()}-"):
            return self.size()
        if response.status_code == 206:
            self.discard()
            raise _InterruptedError(f"asked for the rest, the server sent {content_range!r}")
        return 0

    def _total(self, response: Any, start: int) -> int | None:
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise ValueError("the server sent a web page instead of the file")
        length = response.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        if None not in (total, self._num_bytes) and total != self._num_bytes:
            raise ValueError(f"the server offers {total:,} bytes, expected {self._num_bytes:,}")
        return total

    def _receive(self, response: Any, url: str, start: int, total: int | None) -> None:
        headers = response.headers
        strong = headers.get("ETag") if not headers.get("ETag", "W/").startswith("W/") else None
        if not start:  # bytes of an earlier answer must not stand beside the note of this one
            self.partial.unlink(missing_ok=True)
        self._note.write_text(json.dumps({"url": url, "validator": strong or headers.get("Last-Modified")}))
        shown = total or self._num_bytes
        with (
            self.partial.open("ab" if start else "wb") as file,
            progress(shown, f"fetch {self._target.name}", "bytes", completed=start) as advance,
        ):
            for piece in _pieces(response):
                file.write(piece)
                advance(len(piece))
            if shown is not None and file.tell() < shown:
                raise _InterruptedError(f"interrupted after {file.tell():,} of {shown:,} bytes")


def _pieces(response: Any) -> Iterator[bytes]:
    try:
        yield from response.raw.stream(_PIECE, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _InterruptedError(f"the connection broke ({error})") from error
