"""One file on its way: the part that is there, where it came from, and the rest of it."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import urllib3

from disbench import files
from disbench.progress import progress

_TIMEOUT = (20.0, 60.0)  # to connect, and between two pieces
_PIECE = 1 << 20
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)


class InterruptedTransferError(OSError):
    """Worth another attempt at the same address."""


class Transfer:
    """The part of a file that is there, and what is known of where it came from.

    Parameters
    ----------
    target
        Where the file goes when it is whole.
    num_bytes
        Its size, if known: not a byte more is received.
    pinned
        Whether a checksum will be compared, so that the rest may come from another address than the beginning.

    Attributes
    ----------
    partial
        What was received, a hidden file beside the target.
    resumed
        Whether its beginning is older than the last attempt.
    """

    def __init__(self, target: Path, num_bytes: int | None, pinned: bool) -> None:
        self.partial, self._note = partial_of(target)
        self.resumed = self.size() > 0
        self._target, self._num_bytes, self._pinned = target, num_bytes, pinned

    def size(self) -> int:
        """Bytes that are there."""
        return self.partial.stat().st_size if self.partial.exists() else 0

    def discard(self) -> None:
        """Forget what is there."""
        self.partial.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the file its name."""
        with self.partial.open("rb") as file:
            os.fsync(file.fileno())
        self.partial.replace(self._target)
        self._note.unlink(missing_ok=True)

    def attempt(self, url: str) -> None:
        """Receive the file, or what is missing of it.

        Raises
        ------
        InterruptedTransferError
            The connection broke, or the server asks for another attempt; what was received counts for it.
        ValueError
            The server sends something else.
        OSError
            There is not enough free disk.
        """
        headers = self._range(url)
        if headers and self.size() == self._num_bytes:
            return
        with requests.get(
            url, headers={"Accept-Encoding": "identity", **headers}, stream=True, timeout=_TIMEOUT
        ) as response:
            if response.status_code == 416:
                self._require_whole(response)
                return
            if response.status_code in _TRY_AGAIN:
                raise InterruptedTransferError(f"the server answers {response.status_code} {response.reason}")
            response.raise_for_status()
            start = self._start(response, url)
            total = self._total(response, start)
            self._require_disk(start, total)
            self.resumed = start > 0
            self._receive(response, url, start, total)

    def _range(self, url: str) -> dict[str, str]:
        """Headers that ask for the rest, if what is there can only be the beginning of the same file."""
        note = self._read_note()
        same = note.get("url") == url and note.get("validator")
        if not self.size() or not (same or self._pinned):
            return {}
        return {"Range": f"bytes={self.size()}-", **({"If-Range": note["validator"]} if same else {})}

    def _read_note(self) -> dict[str, Any]:
        """Address and validator of what is there; nothing if the note is missing or damaged."""
        try:
            note = json.loads(self._note.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def _require_whole(self, response: Any) -> None:
        """Nothing is left to send: that is right if all of it is there, else what is there is something else."""
        if response.headers.get("Content-Range") != f"bytes */{self.size()}":
            self.discard()
            raise InterruptedTransferError(f"the server answers 416 {response.reason}")

    def _start(self, response: Any, url: str) -> int:
        """Offset at which the answer begins: a server may ignore what was asked for and send the whole."""
        if response.status_code != 206:
            return 0
        content_range, note = response.headers.get("Content-Range", ""), self._read_note()
        fault = None
        if not content_range.startswith(f"bytes {self.size()}-"):
            fault = f"asked for the rest, the server sent {content_range!r}"
        elif note.get("url") == url and note.get("validator") != _validator(response):
            fault = "the file has changed on the server since its beginning was received"
        if fault is not None:
            self.discard()
            raise InterruptedTransferError(fault)
        return self.size()

    def _total(self, response: Any, start: int) -> int | None:
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise ValueError("the server sent a web page instead of the file")
        whole = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", ""))
        length = response.headers.get("Content-Length")
        total = int(whole[1]) if start and whole else None if length is None else start + int(length)
        if None not in (total, self._num_bytes) and total != self._num_bytes:
            raise ValueError(f"the server offers {total:,} bytes, expected {self._num_bytes:,}")
        return total

    def _require_disk(self, start: int, total: int | None) -> None:
        free, needed = shutil.disk_usage(self.partial.parent).free, (total or 0) - start
        if needed > free + (0 if start else self.size()):
            raise OSError(
                f"{self._target.name}: needs {needed:,} more bytes in {self.partial.parent}; {free:,} are free, "
                f"make room first"
            )

    def _receive(self, response: Any, url: str, start: int, total: int | None) -> None:
        if not start:  # bytes of an earlier answer must not stand beside the note of this one
            self.partial.unlink(missing_ok=True)
        files.write_json(self._note, {"url": url, "validator": _validator(response)})
        expected = total or self._num_bytes
        with (
            self.partial.open("ab" if start else "wb") as file,
            progress(expected, f"fetch {self._target.name}", "bytes", completed=start) as advance,
        ):
            got = start
            for piece in _pieces(response):
                got += len(piece)
                if self._num_bytes is not None and got > self._num_bytes:
                    break
                file.write(piece)
                advance(len(piece))
        if self._num_bytes is not None and got > self._num_bytes:
            self.discard()
            raise ValueError(f"the server sends more than the expected {self._num_bytes:,} bytes")
        if expected is not None and got < expected:
            raise InterruptedTransferError(f"interrupted after {got:,} of {expected:,} bytes")


def partial_of(target: Path) -> tuple[Path, Path]:
    """Hidden files beside a target: what was received of it, and the note of where it came from."""
    return target.with_name(f".{target.name}.partial"), target.with_name(f".{target.name}.partial.json")


def _validator(response: Any) -> str | None:
    """What stays the same as long as the file does: a strong entity tag, or else the date of its last change."""
    tag = response.headers.get("ETag")
    strong = tag if tag is not None and not tag.startswith("W/") else None
    found: str | None = strong or response.headers.get("Last-Modified")
    return found


def _pieces(response: Any) -> Iterator[bytes]:
    try:
        yield from response.raw.stream(_PIECE, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise InterruptedTransferError(f"the connection broke ({error})") from error
