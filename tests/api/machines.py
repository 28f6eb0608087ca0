"""Relays on one database, as machines behind a load balancer are, and users who come through it."""
import contextlib
import copy
import glob
import http.client
import os
import shutil

from harness import Relay, make_folder


def further(first, settings=None):
    """One more machine's relay, not started: with the keys of the first one, as the page says, and its folder of uploads."""
    folder = make_folder()
    os.makedirs(os.path.join(folder, "data"))
    for path in glob.glob(os.path.join(first.folder, "data", "*.key")):
        shutil.copy2(path, os.path.join(folder, "data"))
    return Relay({**first.settings, "PCHAT_UPLOAD_DIR": os.path.join(first.folder, "pchat_uploads"), **(settings or {})}, folder=folder)


@contextlib.contextmanager
def two_relays(settings):
    """(one, other), each with a folder of its own."""
    with Relay(settings) as one, further(one) as other:
        yield one, other


def at(relay, user):
    """The user at another machine."""
    there = copy.copy(user)
    there.port = relay.port
    return there


class Balanced:
    """A user who is sent to the next relay when one does not respond. `refusals`: what was no success."""

    def __init__(self, user, relays):
        self.user, self.relays, self.address, self.refusals = user, list(relays), user.address, []

    def post(self, path, body):
        """One call; an error of the connection is the caller's."""
        try:
            response = at(self.relays[0], self.user).post(path, body)
        except (OSError, http.client.HTTPException):
            self.relays.append(self.relays.pop(0))
            raise
        if response.status >= 400:
            self.refusals.append(response)
        return response
