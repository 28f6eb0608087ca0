"""A relay for sequences: a clock of its own, housekeeping only when a step says so."""
import os
import subprocess

from harness import BUILD, Relay, clean_env
from play import Mismatch, Wire, same
from test_clocks import Clock
from test_housekeeping import LIBRARY

SETTINGS = {"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "PCHAT_SESSION_TTL_SEC": 0, "RELAY_METRICS_PORT": 0}


class House:
    """One relay in one retention mode; use it as a context manager."""

    def __init__(self, mode):
        self.mode = mode
        self.relay = Relay({**SETTINGS, "MESSAGE_RETENTION_MODE": mode})
        self.clock = Clock(self.relay.folder)
        self.relay.env = self.clock.env if LIBRARY else {}
        self.wire = Wire(self.relay)

    def __enter__(self):
        self.relay.__enter__()
        self.relay.fixed_port = self.relay.port
        return self

    def __exit__(self, *error):
        self.wire.close()
        self.relay.__exit__(*error)

    @property
    def env(self):
        return clean_env(**(self.clock.env if LIBRARY else {}))

    def sweep(self):
        done = subprocess.run([os.path.join(BUILD, "relay-sweep"), "--dir", self.relay.folder, "--now"], env=self.env, check=False,
                              capture_output=True, text=True, timeout=60)
        same("the pass", (done.returncode, "error" in done.stderr), (0, False))

    def ctl(self, *words):
        return self.relay.ctl(*words, env=self.env)

    def restart(self):
        self.wire.close()
        self.relay.stop()
        self.relay.start()

    def restore(self, path):
        self.wire.close()
        self.relay.stop()
        self.ctl("restore", path)
        self.relay.start()

    def check(self, mark):
        """The database is whole, sums are right, and nothing that was said can be read in any file of it."""
        with self.relay.opened_database() as link:
            for name, good in () if self.relay.database_url else (("integrity", [("ok",)]), ("foreign_key", [])):
                same(name, link.execute(f"PRAGMA {name}_check").fetchall(), good)
            sums = "SELECT sender_id, to_id, {} FROM {} ORDER BY 1, 2"
            same("sums of what waits", link.execute(sums.format("messages, bytes", "waiting")).fetchall(), link.execute(
                sums.format("count(*), sum(bytes)", "message_wait GROUP BY 1, 2").replace("ORDER BY 1, 2", "") + " ORDER BY 1, 2").fetchall())
        for name in ("bridge.db", "bridge.db-wal"):
            path = os.path.join(os.path.dirname(self.relay.database), name)
            if os.path.exists(path):
                with open(path, "rb") as file:
                    same(f"words in {name}", f"{mark} says".encode() in file.read(), False)


__all__ = ["House", "Mismatch"]
