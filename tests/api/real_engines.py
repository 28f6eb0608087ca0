"""Real engines from Debian's packages, on loopback: apertium-apy translates, PocketSphinx writes down English speech. Run as a program it
starts both for a browser test: one JSON object with their ports on stdout, and a sentence spoken by flite where the argument says."""
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

from client import wait_until
from engine_sink import parts_of
from harness import clean_env, free_port, port_is_free
from http_sink import HttpSink

MODES = "/usr/share/apertium/modes"
# It has no setting for the address that it listens on.
ON_LOOPBACK = """import sys, tornado.tcpserver as server
bind = server.bind_sockets
server.bind_sockets = lambda port, address=None, **more: bind(port, "127.0.0.1", **more)
from apertium_apy.apy import main
main()"""


@contextlib.contextmanager
def apertium():
    """apertium-apy with the pairs that are installed; yields its address."""
    port = free_port()
    words = ["setpriv", "--pdeathsig", "KILL", "--", "/usr/bin/python3", "-c", ON_LOOPBACK, "-p", str(port), "-j", "1", MODES]
    with tempfile.TemporaryFile() as said, subprocess.Popen(words, env=clean_env(LC_ALL="C.UTF-8"), cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                                            start_new_session=True) as engine:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until("apertium-apy listens", lambda: not port_is_free(port), timeout_sec=60)
            yield url
        finally:
            os.killpg(engine.pid, signal.SIGKILL)  # its pipelines as well


def spoken(text, path):
    """What a voice says, as WAV of 16 bits at 16,000 samples."""
    subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", path], check=True, timeout=60)
    return path


class PocketSphinx(HttpSink):
    """OpenAI's contract for transcriptions before Debian's recogniser, which takes one kind of WAV: ffmpeg makes that of what browsers record."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def serve(self, request):
        recording = parts_of(request.headers["Content-Type"], self.read(request))["file"].get_content()
        self.send(request, 200, {"Content-Type": "application/json"}, json.dumps({"text": self.recognise(recording)}).encode())

    @staticmethod
    def recognise(recording):
        with tempfile.TemporaryDirectory() as folder:
            sound = os.path.join(folder, "sound.wav")
            subprocess.run(["ffmpeg", "-v", "error", "-i", "pipe:0", "-ac", "1", "-ar", "16000", sound], input=recording, check=True, timeout=60)
            heard = subprocess.run(["pocketsphinx_continuous", "-infile", sound, "-logfn", os.devnull], capture_output=True, text=True, check=True, timeout=120)
        return " ".join(heard.stdout.split())


def main(path):
    with apertium() as translator, PocketSphinx() as ear:
        print(json.dumps({"translator": translator, "ear": ear.url, "sound": spoken(sys.stdin.readline(), path)}), flush=True)
        signal.pause()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main(sys.argv[1])
