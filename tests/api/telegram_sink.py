"""A Bot API on loopback that records what it gets and misbehaves on request."""
import json
import socket
import time

from client import wait_until
from http_sink import HttpSink

# misbehave: what it responds instead of taking the message. Some respond, some never do.
RESPONSES = {
    "garbage": (200, {}, b"<html>\xff\x00 not json"),
    "false": (200, {}, b'{"ok":false}'),
    "wrong_types": (200, {}, b'{"ok":"true","description":5,"parameters":[]}'),
    "empty": (200, {}, b""),
    "error_500": (500, {}, b'{"ok":false,"description":"Internal Server Error"}'),
    "chat_not_found": (400, {}, b'{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}'),
    "moved": (400, {}, b'{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat",'
                       b'"parameters":{"migrate_to_chat_id":-1001234567890}}'),
    "unauthorized": (401, {}, b'{"ok":false,"error_code":401,"description":"Unauthorized"}'),
    "bare_403": (403, {}, b"no"),
    "control_403": (403, {}, '{"ok":false,"description":"a\\r\\nb\\u0007\u00e9"}'.encode()),
    "long_403": (403, {}, json.dumps({"ok": False, "description": "\u00e9" * 1000}).encode()),
    "flood": (429, {}, b'{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":3}}'),
    "flood_by_header": (429, {"Retry-After": "3"}, b"slow down"),
    "flood_for_ever": (429, {}, b'{"ok":false,"parameters":{"retry_after":99999999999}}'),
    "huge": (200, {}, b'{"ok":true,"x":"' + b"x" * 5_000_000 + b'"}'),
}


class TelegramSink(HttpSink):
    """The sink; `misbehave` is None, a name of RESPONSES, hang, late (takes it once it is let go), close, redirect (to `elsewhere`) or echo_token."""

    def begin_anew(self):
        super().begin_anew()
        self.taken, self.bad_chat, self.elsewhere = [], None, ""

    def serve(self, request):
        """Respond to one request."""
        body = self.read(request)
        turn = {"method": request.command, "path": request.path, "type": request.headers.get("Content-Type"),
                "at": time.monotonic(), **(json.loads(body) if body else {})}
        self.turns.append(turn)
        how = self.misbehave if self.bad_chat in (None, turn.get("chat_id")) else None
        if how == "hang":
            self.over.wait(60)
            request.close_connection = True
        elif how == "late":
            self.over.wait(60)
            self._take(request, turn)
        elif how == "close":
            request.connection.shutdown(socket.SHUT_RDWR)
            request.close_connection = True
        elif how == "redirect":
            self.send(request, 302, {"Location": self.elsewhere}, b"")
        elif how == "echo_token":
            self.send(request, 400, {}, json.dumps({"ok": False, "description": f"bad path {request.path}"}).encode())
        elif how:
            self.send(request, *RESPONSES[how])
        else:
            self._take(request, turn)

    def _take(self, request, turn):
        self.taken.append(turn)
        self.send(request, 200, {}, b'{"ok":true,"result":{"message_id":1}}')

    def settings(self, **more):
        """The settings of a relay that sends to this sink."""
        return {"RELAY_TELEGRAM_API": f"http://127.0.0.1:{self.port}", **more}

    def wait_taken(self, count=1):
        """The messages that were taken, once there are that many."""
        return wait_until(f"{count} messages were taken", lambda: len(self.taken) >= count and self.taken, 60)

    def wait_turn(self, count=1):
        """The requests that came, once there are that many."""
        return wait_until(f"{count} requests came", lambda: len(self.turns) >= count and self.turns, 60)
