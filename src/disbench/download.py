"""Downloads that go on where they stopped; a file gets its name when it is whole and right."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import requests

from disbench.transfer import InterruptedTransferError, Transfer

_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)


class DownloadError(OSError):
    """No address gave the file; the message has a line for each, with the reason."""


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
    OSError
        There is not enough free disk; what was received is kept.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    transfer = Transfer(target, num_bytes, pinned)
    failures = []
    for url in urls:
        try:
            _patiently(transfer, url, waits)
            _checked(transfer, url, check, waits)
        except (requests.RequestException, InterruptedTransferError, ValueError) as error:
            failures.append(f"  {url}: {error}")
            continue
        transfer.finish()
        return
    raise DownloadError("\n".join([f"{target.name} could not be downloaded:", *failures]))


def _patiently(transfer: Transfer, url: str, waits: Sequence[float]) -> None:
    left = list(waits)
    while True:
        before = transfer.size()
        try:
            transfer.attempt(url)
        except (requests.ConnectionError, requests.Timeout, InterruptedTransferError) as error:
            if transfer.size() > before:
                left = list(waits)
            if not left:
                raise
            print(f"{error}; once more in {left[0]:g} s", file=sys.stderr, flush=True)
            time.sleep(left.pop(0))
        else:
            return


def _checked(transfer: Transfer, url: str, check: Callable[[Path], None], waits: Sequence[float]) -> None:
    """Check the whole file; if its beginning was older than this attempt, that may be what is wrong: start over."""
    try:
        check(transfer.partial)
    except ValueError:
        transfer.discard()
        if not transfer.resumed:
            raise
        _patiently(transfer, url, waits)
        check(transfer.partial)
