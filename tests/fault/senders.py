"""Concurrent senders that do what a good client does: keep the key, try again, and know what was acknowledged."""
import http.client
import itertools
import threading
import time

from client import wait_until

GIVE_UP_SEC = 60


class Sender(threading.Thread):
    """Sends numbered messages to one recipient, each under a key of its own, until each is acknowledged; without a count until
    it is told that this is the last. What the same user sends in another `run` has other texts."""

    def __init__(self, user, recipient, count, *, retry=True, payload="", run=0):
        super().__init__(daemon=True)
        self.user, self.recipient, self.count, self.retry, self.payload, self.number = user, recipient, count, retry, payload, run
        self.acknowledged, self.refused, self.retries, self.failure = {}, [], 0, None
        self.is_last = False

    def run(self):
        try:
            for number in itertools.count() if self.count is None else range(self.count):
                if self.is_last:
                    break
                self._send(f"{self.user.address}-{self.number:04d}-{number:05d}")
        except BaseException as error:  # pylint: disable=broad-exception-caught
            self.failure = error

    def _send(self, text):
        deadline = time.monotonic() + GIVE_UP_SEC
        while True:
            response = self._try(text)
            # either: a try that was thought lost may have been taken
            if response is not None and response.status in (200, 202):
                self.acknowledged[text] = response["message_id"]
                return
            if not self.retry:
                self.refused.append(text)
                return
            assert time.monotonic() < deadline, f"{text}: never acknowledged, at last {response}"
            self.retries += 1
            time.sleep(0.02)

    def _try(self, text):
        body = {"to": self.recipient.address, "text": text + self.payload, "idempotency_key": text}
        try:
            response = self.user.post("/api/v1/messages", body)
        except (OSError, http.client.HTTPException):
            return None
        # either: a try that was thought lost may have been taken
        assert response.status in (200, 202) or response.status >= 500, response
        return response


def start_senders(users, recipient, count=None, **options):
    """One started Sender per user."""
    senders = [Sender(user, recipient, count, **options) for user in users]
    for sender in senders:
        sender.start()
    return senders


def finish(senders):
    """Wait for all of them; returns {text: message id} of all that was acknowledged."""
    acknowledged = {}
    for sender in senders:
        sender.is_last = sender.count is None
    for sender in senders:
        sender.join(300)
        assert not sender.is_alive(), "a sender hangs"
        assert sender.failure is None, sender.failure
        acknowledged.update(sender.acknowledged)
    return acknowledged


def wait_for_more(senders, more=5):
    """Wait until each of them has that many more acknowledged."""
    for sender, count in [(sender, len(sender.acknowledged)) for sender in senders]:
        wait_until("messages are sent", lambda sender=sender, count=count: sender.failure or len(sender.acknowledged) >= count + more, 60)


def patiently(user):
    """How a user polls while what was killed is being replaced: again until it goes."""
    def once(*words):
        try:
            response = user.poll(*words, expect=None)
        except (OSError, http.client.HTTPException):
            return None
        assert response.status == 200 or response.status >= 500, response
        return response if response.status == 200 else None
    return lambda *words: wait_until("a poll goes", lambda: once(*words), GIVE_UP_SEC)


def items_for(user):
    """All that waits for a user, whatever was killed: the database's server, too, to which each worker connects anew when it is asked."""
    return user.poll_all(poll=patiently(user))[0]


def texts_for(user):
    return [item["text"] for item in items_for(user)]


def assert_all_there(recipient, acknowledged):
    """The recipient holds just what was acknowledged, each once, each sender's messages in order."""
    items = items_for(recipient)
    found = {item["text"].rstrip("."): item["message_id"] for item in items}
    assert len(items) == len(found), "a message came twice"
    assert found == acknowledged
    by_sender = {}
    for item in items:
        by_sender.setdefault(item["from"], []).append(item["text"])
    assert all(texts == sorted(texts) for texts in by_sender.values()), "a sender's messages are out of order"
