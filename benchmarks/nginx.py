"""nginx as an IMAP proxy before the same Dovecot: a peer of the relay's."""

from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from benchmarks.client import connect
from benchmarks.peers import free_port, running
from benchmarks.trial import Unavailable
from tests.support import peers

MODULE = Path("/usr/lib/nginx/modules/ngx_mail_module.so")

# All else is nginx's default.
CONFIGURATION = """\
load_module {module};
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{}}
mail {{
  server_name localhost;
  auth_http 127.0.0.1:{auth_port}/;
  server {{
    listen 127.0.0.1:{port};
    protocol imap;
    proxy on;
  }}
}}
"""


def start_nginx(stack: ExitStack, directory: Path, engine: tuple[str, int]) -> tuple[str, int]:
    """Start it and return where it listens. It logs in at `engine` as its client does."""
    nginx = peers.find("nginx")
    if nginx is None or not MODULE.exists():
        raise Unavailable(peers.missing("nginx with its mail module", "nginx-light, libnginx-mod-mail"))
    auth = ThreadingHTTPServer(("127.0.0.1", 0), answering(engine))
    stack.callback(auth.server_close)
    stack.callback(auth.shutdown)
    Thread(target=auth.serve_forever, daemon=True).start()
    port = free_port()
    own = directory / f"nginx-{port}"
    own.mkdir()
    configuration = own / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(module=MODULE, directory=own, auth_port=auth.server_address[1], port=port)
    )
    stack.enter_context(running(nginx, "-c", configuration, "-e", own / "nginx.log"))
    connect(("127.0.0.1", port)).close()
    return "127.0.0.1", port


def answering(engine: tuple[str, int]) -> type[BaseHTTPRequestHandler]:
    """What nginx asks at each login, by its own small protocol (ngx_mail_auth_http_module)."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Auth-Status", "OK")
            self.send_header("Auth-Server", engine[0])
            self.send_header("Auth-Port", str(engine[1]))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Answer
