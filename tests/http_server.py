"""A server on loopback that serves bytes from memory, and misbehaves as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
    """

    files: dict[str, bytes] = field(default_factory=dict)
    drops: list[int] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
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
        content = told.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = self._start(len(content))
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if told.tells_length:
            self.send_header("Content-Length", str(len(content) - start))
        if told.etag is not None:
            self.send_header("ETag", told.etag)
        self.send_header("Content-Type", told.content_type)
        self.end_headers()
        stop = start + told.drops.pop(0) if told.drops else len(content)
        self.wfile.write(content[start:stop])
        self.close_connection = True

    def _start(self, size: int) -> int:
        asked = self.headers.get("Range")
        changed = self.headers.get("If-Range") not in (None, self.told.etag)
        if asked is None or changed or not self.told.knows_ranges:
            return 0
        return int(asked.removeprefix("bytes=").rstrip("-"))

    def log_message(self, format: str, *args: object) -> None:
        pass
