"""A server on this machine that answers the client of the Hugging Face Hub from memory."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubServer(ThreadingHTTPServer):
    """Repositories by name, each with its files; `requests` lists what was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.requests: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: HubServer

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            files = self._files(parts[2:4])
            if files is None:
                self._missing()
            elif "tree" in parts:
                rows = [{"type": "file", "path": name, "size": len(files[name])} for name in files]
                self._json([{**row, "oid": _etag(files[row["path"]])} for row in rows])
            else:
                siblings = [{"rfilename": name} for name in files]
                self._json({"id": "/".join(parts[2:4]), "sha": COMMIT, "siblings": siblings})
        elif len(parts) > 4 and parts[2] == "resolve":
            content = (self._files(parts[:2]) or {}).get("/".join(parts[4:]))
            self._missing() if content is None else self._send(content, ETag=_etag(content))
        else:
            self._missing()

    def do_POST(self) -> None:
        self.server.requests.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = self.path.strip("/").split("/")
        if parts == ["api", "repos", "create"]:
            wanted = json.loads(body)
            name = f"{wanted.get('organization') or 'ann'}/{wanted['name']}"
            self.server.repositories.setdefault(name, {})
            self._json({"url": f"{self.server.address}/{name}", "id": name})
        elif parts[-2:-1] == ["preupload"]:
            files = [each["path"] for each in json.loads(body)["files"]]
            modes = [
                {"path": each, "uploadMode": "regular", "shouldIgnore": False} for each in files
            ]
            self._json({"files": modes})
        elif parts[-2:-1] == ["commit"]:
            self._commit("/".join(parts[2:4]), body)
        else:  # checks of the header of a card
            self._json({"errors": [], "warnings": []})

    def _commit(self, name: str, body: bytes) -> None:
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                content = base64.b64decode(line["value"]["content"])
                self.server.repositories[name][line["value"]["path"]] = content
        url = f"{self.server.address}/{name}/commit/{COMMIT}"
        self._json({"commitUrl": url, "commitOid": COMMIT, "pullRequestUrl": None})

    def _files(self, name: list[str]) -> dict[str, bytes] | None:
        return self.server.repositories.get("/".join(name))

    def _json(self, value: Any) -> None:
        self._send(json.dumps(value).encode())

    def _missing(self) -> None:
        self._send(b"{}", 404, **{"X-Error-Code": "RepoNotFound"})

    def _send(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        pass


def _etag(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@contextmanager
def hub_server() -> Iterator[HubServer]:
    with HubServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
