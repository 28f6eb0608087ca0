"""An engine on loopback that speaks five contracts, records what it gets, and misbehaves on request."""
import email.parser
import email.policy
import json
import ssl
import time
import urllib.parse

from client import wait_until
from http_sink import HttpSink

LANGUAGES = ("en", "es", "fr", "de")
# misbehave: (status, headers, body) instead of a translation.
RESPONSES = {
    "not_json": (200, {}, b"<html>login</html>"),
    "half_json": (200, {}, b'{"translatedText":["a'),
    "no_utf8": (200, {}, b'{"translatedText":["\xff"]}'),
    "wrong_types": (200, {}, b'{"translatedText":"a","translations":{},"responseData":7,"choices":[]}'),
    "wrong_items": (200, {}, b'{"translatedText":[7],"translations":[7],"responseData":{"translatedText":7},"choices":[7]}'),
    "nul": (200, {}, b'{"translatedText":["a\\u0000b"]}'),
    "control": (200, {}, b'{"translatedText":["a\\u001bb"]}'),
    "two_lines": (200, {}, b'{"translatedText":["a\\nb"]}'),
    "turned": (200, {}, '{"translatedText":["a\u202eb"]}'.encode()),
    "blank": (200, {}, b'{"translatedText":["  "]}'),
    "nothing": (200, {}, b""),
    "too_many": (200, {}, b'{"translatedText":["a","b","c"]}'),
    "too_long": (200, {}, b'{"translatedText":["' + b"x" * 20000 + b'"]}'),
    "deep": (200, {}, b'{"a":' * 50 + b"1" + b"}" * 50),
    "500": (500, {}, b'{"error":"broke"}'),
    "400": (400, {}, b'{"error":"no"}'),
    "403": (403, {}, b'{"error":"bad key"}'),
    "429": (429, {"Retry-After": "7"}, b'{"error":"Slowdown"}'),
    "429_for_ever": (429, {"Retry-After": "99999999"}, b"{}"),
    "456": (456, {}, b'{"message":"Quota exceeded"}'),
    "huge": (200, {}, b'{"translatedText":["' + b"x" * 3_000_000 + b'"]}'),
}
# The same instead of a transcript, where it differs.
TRANSCRIPTS = {
    "half_json": (200, {}, b'{"text":"a'),
    "no_utf8": (200, {}, b'{"text":"\xff"}'),
    "wrong_types": (200, {}, b'{"text":7}'),
    "wrong_items": (200, {}, b'{"text":["a"]}'),
    "no_text": (200, {}, b'{"segments":[]}'),
    "null": (200, {}, b"null"),
    "nul": (200, {}, b'{"text":"a\\u0000b"}'),
    "control": (200, {}, b'{"text":"a\\u001bb"}'),
    "turned": (200, {}, '{"text":"a\u202eb"}'.encode()),
    "too_long": (200, {}, b'{"text":"' + b"xy " * 20000 + b'"}'),
    "huge": (200, {}, b'{"text":"' + b"x" * 3_000_000 + b'"}'),
}


def parts_of(content_type, body):
    """{name: part} of multipart/form-data."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    whole = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    return {part.get_param("name", header="content-disposition"): part for part in whole.iter_parts()}


class EngineSink(HttpSink):
    """`misbehave` is None, a name of RESPONSES, hang, drip, cut, close or redirect; `translate(text, source, target)` may be replaced.

    `transcript` is what it hears in every recording: a dict."""

    def __init__(self, languages=LANGUAGES, pairs=None, detected="en", certificate=None):
        self._known = (languages, pairs, detected)
        super().__init__()
        if certificate:  # (chain, key)
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)

    def begin_anew(self):
        super().begin_anew()
        self.languages, self.pairs, self.detected = self._known
        self.held, self.hide_languages = 0, False
        self.translate = lambda text, source, target: text.upper()
        self.transcript = {"text": "Good morning."}

    @property
    def url(self):
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    def settings(self, **more):
        """Settings of a relay that asks this engine."""
        return {"RELAY_TRANSLATE_URL": self.url, **more}

    def speech_settings(self, **more):
        """Settings of a relay that has it write down speech."""
        return {"RELAY_TRANSCRIBE_URL": self.url, **more}

    @property
    def texts(self):
        """Every text that it was asked to translate."""
        return [text for turn in self.turns for text in turn["texts"]]

    def asked(self):
        """Turns that were no question for languages."""
        return [turn for turn in self.turns if turn["texts"]]

    def wait_held(self, count):
        wait_until(f"{count} calls are held", lambda: self.held >= count)

    # -- one request ---------------------------------------------------------------------------

    def serve(self, request):
        body = self.read(request)
        path = urllib.parse.urlsplit(request.path)
        turn = {"path": request.path, "headers": dict(request.headers), "body": body, "texts": []}
        if path.path == "/v1/audio/transcriptions":
            self._hear(request, turn)
            return
        turn["body"] = body.decode()
        response = self._listed(path.path) if request.command == "GET" else self._asked(path.path, turn)
        self.turns.append(turn)
        if turn["texts"] and self.misbehave:
            self._misbehave(request)
        elif self.hide_languages and not turn["texts"]:
            self.send(request, 500, {}, b"{}")
        else:
            self.send(request, 200 if response is not None else 404, {}, json.dumps(response or {}).encode())

    def _hear(self, request, turn):
        parts = parts_of(turn["headers"]["Content-Type"], turn["body"])
        file = parts.pop("file")
        turn["recording"] = {"name": file.get_filename(), "type": file.get_content_type(), "bytes": file.get_payload(decode=True)}
        turn["fields"] = {name: part.get_payload() for name, part in parts.items()}
        self.turns.append(turn)
        if self.misbehave:
            self._misbehave(request, {**RESPONSES, **TRANSCRIPTS})
        else:
            self.send(request, 200, {}, json.dumps(self.transcript).encode())

    @property
    def recordings(self):
        """Every turn that brought a recording."""
        return [turn for turn in self.turns if "recording" in turn]

    def _listed(self, path):
        pairs = self.pairs or [(a, b) for a in self.languages for b in self.languages if a != b]
        if path == "/languages":
            return [{"code": code, "name": code, "targets": [b for a, b in pairs if a == code]} for code in self.languages]
        if path == "/listPairs":
            return {"responseData": [{"sourceLanguage": a, "targetLanguage": b} for a, b in pairs], "responseStatus": 200}
        if path == "/v2/languages":
            return [{"language": code.upper(), "name": code} for code in self.languages]
        return None

    def _asked(self, path, turn):
        say = self.translate
        if path == "/v2/translate":
            ask = json.loads(turn["body"])
            turn["texts"] = ask["text"]
            return {"translations": [{"text": say(t, ask.get("source_lang"), ask["target_lang"]),
                                      "detected_source_language": ask.get("source_lang") or self.detected.upper()} for t in ask["text"]]}
        if path == "/v1/chat/completions":
            text = json.loads(turn["body"])["messages"][1]["content"].split("\n")[1:-1]
            turn["texts"] = ["\n".join(text)]
            return {"choices": [{"message": {"role": "assistant", "content": say(turn["texts"][0], None, None)}, "finish_reason": "stop"}]}
        if path == "/translate" and not turn["body"].startswith("{"):
            ask = dict(urllib.parse.parse_qsl(turn["body"], strict_parsing=True))
            turn["texts"] = [ask["q"]]
            return {"responseData": {"translatedText": say(ask["q"], *ask["langpair"].split("|"))}, "responseStatus": 200}
        if path == "/translate":
            ask = json.loads(turn["body"])
            turn["texts"] = ask["q"]
            response = {"translatedText": [say(t, ask["source"], ask["target"]) for t in ask["q"]]}
            if ask["source"] == "auto":
                response["detectedLanguage"] = [{"confidence": 90, "language": self.detected} for _ in ask["q"]]
            return response
        return None

    def _misbehave(self, request, responses=RESPONSES):
        how = self.misbehave
        request.close_connection = True
        if how == "hang":
            self.held += 1
            self.over.wait(60)
            self.send(request, 500, {}, b"{}")
        elif how == "cut":
            request.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"translatedText":["a"]}')
        elif how == "drip":
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            deadline = time.monotonic() + 60
            try:
                while not self.over.wait(0.05) and time.monotonic() < deadline:
                    request.wfile.write(b" ")
            except OSError:
                pass  # The relay hung up.
        elif how == "redirect":
            self.send(request, 307, {"Location": self.url + "/elsewhere"}, b"")
        elif how != "close":
            self.send(request, *responses[how])
