"""nginx with a file of deploy/nginx/: its own folder and port, ended with the test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from deploy.local.supervisor_config import WITH_ITS_PARENT
from tests.certificates import key_of
from tests.deploy.administrator import changed
from tests.runtime.keeper_process import KeeperProcess, reserved_port, wait_for

BINARY = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
WAIT_S = 10.0

# What Debian's own nginx.conf would be, for one process that needs no rights and keeps everything in one folder.
AROUND = """\
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{}}
http {{
    access_log {home}/access.log;
    client_body_temp_path {home}/client;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/site.conf;
}}
"""


class Nginx:
    """Starts when entered, ends when left.

    Args:
        home: for configuration and logs.
        file: of deploy/nginx/.
        changes: what an administrator changes in it, beside the address.
        tls: further lines of its server, which then speaks TLS.
    """

    LISTENS = "listen 80;"

    def __init__(self, home: Path, file: str, changes: Mapping[str, str], tls: str = "") -> None:
        self.home = home
        home.mkdir()
        self._reservation = reserved_port()
        self.port: int = self._reservation.getsockname()[1]
        (home / "nginx.conf").write_text(AROUND.format(home=home))
        self._scheme = "https" if tls else "http"
        listen = f"listen 127.0.0.1:{self.port}{' ssl' if tls else ''};{tls}"
        (home / "site.conf").write_text(changed(f"nginx/{file}", {self.LISTENS: listen, **changes}))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        command = [*WITH_ITS_PARENT, BINARY, "-p", str(self.home), "-c", str(self.home / "nginx.conf")]
        with (self.home / "error.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self._listens, "nginx listens", WAIT_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(WAIT_S)
        self._reservation.close()

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"nginx has ended:\n{(self.home / 'error.log').read_text()[-2000:]}"
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        return False


class NginxProcess(Nginx):
    """The one of deploy/nginx/registry.conf, in front of both addresses of a keeper."""

    def __init__(self, home: Path, keeper: KeeperProcess, tls: str = "") -> None:
        changes = {
            "server 127.0.0.1:5000 ": f"server 127.0.0.1:{keeper.port} ",
            "server 127.0.0.1:5001 ": f"server 127.0.0.1:{keeper.reads_port} ",
        }
        super().__init__(home, "registry.conf", changes, tls)


class NginxOfDashboard(Nginx):
    """The one of deploy/nginx/holystone.conf.

    Args:
        home: for configuration and logs.
        certificate: with its key in `NAME.key` beside it.
        upstream: where Holystone is: host and port, or `unix:/PATH`.
        more: what an administrator changes besides.
    """

    LISTENS = "listen 443 ssl;"

    def __init__(
        self, home: Path, certificate: Path, upstream: str, more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._plain = reserved_port()
        self.plain_port: int = self._plain.getsockname()[1]
        changes = {
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "server 127.0.0.1:8000;": f"server {upstream};",
            "/etc/ssl/certs/holystone.pem": str(certificate),
            "/etc/ssl/private/holystone.key": str(key_of(certificate)),
            **more,
        }
        super().__init__(home, "holystone.conf", changes, " ")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        super().__exit__(kind, error, at)
        self._plain.close()
