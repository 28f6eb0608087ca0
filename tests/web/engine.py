"""The stand-in engine of the API tests for a browser test: one JSON object a line on stdin changes it or asks it, one a line comes back."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "api"))
from engine_sink import EngineSink  # noqa: E402 pylint: disable=wrong-import-position


def answer(sink, words, ask):
    """`say`: translations by text, the rest is in capitals; `misbehave`, `detected`, `transcript`: as in EngineSink; `asked`: texts by call;
    `heard`: how many recordings so far."""
    words.update(ask.get("say", {}))
    for name in ("misbehave", "detected", "transcript"):
        if name in ask:
            setattr(sink, name, ask[name])
    if ask.get("let_go"):
        sink.let_go()
    return {"port": sink.port, "asked": [turn["texts"] for turn in sink.asked()] if ask.get("asked") else [],
            "heard": len(sink.recordings)}


def main():
    words = {}
    with EngineSink(("en", "es", "fr", "de", "ar", "he"), detected="de") as sink:
        sink.translate = lambda text, source, target: words.get(f"{target}:{text}", text.upper())
        print(json.dumps(answer(sink, words, {})), flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(sink, words, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
