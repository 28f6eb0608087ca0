"""What stands in for somebody else's HTTP service: a server on loopback that can also fall silent."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HttpSink:
    """`serve(request)` responds to a request, by send() or by waiting for `over`, which is set at the end."""

    tls = None  # an SSLContext: it speaks TLS

    def __init__(self):
        self.over = threading.Event()
        self.begin_anew()

    def begin_anew(self):
        """As it was made: it has been asked nothing, and behaves. What hangs ends."""
        self.let_go()
        self.turns, self.misbehave, self.over = [], None, threading.Event()

    def let_go(self):
        """Ends what hangs."""
        self.over.set()

    def __enter__(self):
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                sink.serve(self)

            do_GET = do_POST

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self, request):
        raise NotImplementedError

    @staticmethod
    def read(request):
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))

    @staticmethod
    def send(request, status, headers, body):
        request.send_response(status)
        for name, value in {**headers, "Content-Length": len(body)}.items():
            request.send_header(name, str(value))
        try:
            request.end_headers()
            request.wfile.write(body)
        except OSError:
            pass  # The relay had enough.
