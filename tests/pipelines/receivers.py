"""A webhook and a mail server on this machine that keep what they are sent and answer as they are told."""

import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hook:
    """`answers` holds the statuses of the next answers; then it is 200."""

    def __init__(self):
        self.got, self.answers = [], []

    @property
    def bodies(self):
        return [json.loads(body) for _, body in self.got]


@contextmanager
def webhook():
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            hook.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(hook.answers.pop(0) if hook.answers else 200)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            """Be quiet."""

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        hook.url = f"http://127.0.0.1:{port}/in?token=s3cret"
        yield hook


class Post:
    """`refuse` answers 550 to every recipient, `later` 451 to the content."""

    def __init__(self):
        self.got, self.refuse, self.later = [], False, False


@contextmanager
def mailbox():
    post = Post()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 sink\r\n")
            for line in iter(self.rfile.readline, b""):
                self.wfile.write(self._answer(line.strip().upper()) + b"\r\n")

        def _answer(self, said):
            if said.startswith(b"EHLO"):
                return b"250-sink\r\n250 8BITMIME"
            if said.startswith(b"RCPT") and post.refuse:
                return b"550 no such user jane@example.org"
            if said == b"DATA":
                return self._content()
            return b"221 bye" if said == b"QUIT" else b"250 fine"

        def _content(self):
            self.wfile.write(b"354 go on\r\n")
            lines = list(iter(self.rfile.readline, b".\r\n"))
            if post.later:
                return b"451 later"
            post.got.append(b"".join(lines).decode())
            return b"250 taken"

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        post.url = f"smtp://127.0.0.1:{port}"
        yield post


@contextmanager
def _serving(server):
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
