"""A server on loopback that serves bytes from memory, and misbehaves as it is told."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Server:
    """What is served, how, and what was asked for.

    Parameters
    ----------
    files
        Content by path.
    drops
        After how many bytes each of the next answers breaks off.
    failures
        Status codes of the next answers.
    redirects
        Where else a path is to be found.
    content_ranges
        What the next partial answers say that they are, instead of the truth.
    checks_validator
        Whether `If-Range` is heeded.
    pause
        Seconds between two pieces of 64 KiB.
    tells_total
        Whether the answer to a request for more than there is tells how much there is.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    drops: list[int] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    content_ranges: list[str] = field(default_factory=list)
    checks_validator: bool = True
    pause: float = 0.0
    tells_total: bool = True
    knows_ranges: bool = True
    tells_length: bool = True
    etag: str | None = '"one"'
    content_type: str = "application/octet-stream"
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(**options: object) -> Iterator[Server]:
    server = Server(**options)  # type: ignore[arg-type]

    class Handler(_Handler):
        told = server

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    told: Server

    def do_GET(self) -> None:
        told = self.told
        told.asked.append((self.path, self.headers.get("Range")))
        if told.failures:
            self.send_error(told.failures.pop(0))
            return
        if self.path in told.redirects:
            self.send_response(302)
            self.send_header("Location", told.redirects[self.path])
            self.end_headers()
            return
        content = told.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = self._start(len(content))
        if start >= len(content):
            self.send_response(416)
            if told.tells_total:
                self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            truth = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", told.content_ranges.pop(0) if told.content_ranges else truth)
        if told.tells_length:
            self.send_header("Content-Length", str(len(content) - start))
        if told.etag is not None:
            self.send_header("ETag", told.etag)
        self.send_header("Content-Type", told.content_type)
        self.end_headers()
        stop = start + told.drops.pop(0) if told.drops else len(content)
        self._send(content[start:stop])
        self.close_connection = True

    def _send(self, content: bytes) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # a client may have had enough, or been killed
            for start in range(0, len(content), 65536):
                self.wfile.write(content[start : start + 65536])
                if self.told.pause:
                    time.sleep(self.told.pause)

    def _start(self, size: int) -> int:
        asked = self.headers.get("Range")
        changed = self.told.checks_validator and self.headers.get("If-Range") not in (None, self.told.etag)
        if asked is None or changed or not self.told.knows_ranges:
            return 0
        return int(asked.removeprefix("bytes=").rstrip("-"))

    def log_message(self, format: str, *args: object) -> None:
        pass
