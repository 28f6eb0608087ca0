"""Uploads on their way count: nobody gets past a quota by sending many at once, and what is given up is given back."""
import os
import signal

import pytest

from client import wait_until
from harness import Relay
from uploads import UPLOAD, Sending

QUOTA, SIZE = 1000000, 100000


@pytest.fixture(scope="module")
def relay(built):
    with Relay({"PCHAT_MAX_UPLOAD_BYTES": 600000, "PCHAT_UPLOAD_QUOTA_BYTES": QUOTA}) as relay:
        yield relay


def queued():
    """Connections that wait for a worker (of this relay, unless others are tested beside it)."""
    with open("/proc/net/unix", encoding="ascii") as lines:
        return sum(line.split()[5] == "02" and line.split()[7:] == ["relay.sock"] for line in lines)


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def stored_and_deleted(user):
    sent = user.call("PUT", UPLOAD, data=b"x" * QUOTA, check=False)
    return sent.status == 200 and user.delete("/api/v1/webchat/files/" + sent["file_id"], expect=200)


def used(user):
    return user.get("/api/v1/webchat/files", expect=200)["used_bytes"]


def test_sixty_uploads_at_once_stay_within_the_quota(relay):
    ann = relay.sign_in()
    sending = [Sending(ann, SIZE) for _ in range(60)]
    statuses = sorted(each.finish() for each in sending)
    assert statuses == [200] * (QUOTA // SIZE) + [413] * (60 - QUOTA // SIZE)
    assert used(ann) == QUOTA


def test_uploads_of_one_user_take_nothing_from_another(relay):
    ann, bob = relay.sign_in(), relay.sign_in()
    sending = [Sending(ann, SIZE) for _ in range(10)]
    bob.put(UPLOAD, data=b"x" * SIZE, expect=200)
    refused = ann.put(UPLOAD, data=b"x" * SIZE, expect=413)
    assert refused.is_error(413, "quota_exceeded")["used_bytes"] == QUOTA
    assert [each.finish() for each in sending] == [200] * 10


def test_upload_that_is_given_up_gives_its_share_back(relay):
    ann = relay.sign_in()
    sending = [Sending(ann, 500000) for _ in range(2)]
    ann.put(UPLOAD, data=b"x", expect=413)
    sending[0].link.sendall(b"x" * 1000)
    for each in sending:
        each.close()
    # either: asked again until it is free
    wait_until("the share is given back", lambda: ann.put(UPLOAD, data=b"x" * 500000, expect=(200, 413)).status == 200)


def test_upload_that_is_refused_later_gives_its_share_back(relay):
    ann = relay.sign_in()
    for _ in range(3):
        ann.post(UPLOAD, data=b"no form at all" * 10000, headers={"Content-Type": "multipart/form-data; boundary=x"}, expect=400)
        bad = Sending(ann, 500000, length=False)
        bad.link.sendall(b"ZZ\r\n")
        assert bad.status() == 400
    # either: asked again until it is free
    wait_until("nothing is taken", lambda: ann.put(UPLOAD, data=b"x" * 600000, expect=(200, 413)).status == 200)


def test_upload_of_unknown_length_takes_what_is_left_of_the_quota_at_most(relay):
    ann = relay.sign_in()
    sending = [Sending(ann, SIZE, length=False) for _ in range(3)]
    statuses = sorted(each.finish() for each in sending)
    # either: three at once for the room of two or three
    assert statuses.count(200) >= 2 and set(statuses) <= {200, 413}
    assert used(ann) == statuses.count(200) * SIZE


def test_shares_are_given_back_when_workers_die_with_the_word_in_their_hands(make_relay):
    relay = make_relay({"PCHAT_UPLOAD_QUOTA_BYTES": QUOTA, "RELAY_WORKERS": 2})
    ann = relay.sign_in()
    for _ in range(4):
        sending = [Sending(ann, SIZE) for _ in range(10)]
        ann.put(UPLOAD, data=b"x", expect=413)
        workers = relay.workers()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        wait_until("they stand still", lambda pids=workers: all(state(pid) == "T" for pid in pids))
        for each in sending:
            each.close()
        wait_until("nginx has seen that they ended", lambda: queued() >= 10)
        for pid in workers:
            os.kill(pid, signal.SIGCONT)  # each takes a word that an upload ended
            os.kill(pid, signal.SIGKILL)  # and dies with it
        wait_until("the shares are given back", lambda: stored_and_deleted(ann))


@pytest.mark.parametrize("who", ["all-of-nginx", "the-process-that-reads"])
def test_shares_are_given_back_when_nginx_dies(make_relay, who):
    relay = make_relay({"PCHAT_UPLOAD_QUOTA_BYTES": QUOTA})
    ann = relay.sign_in()
    sending = [Sending(ann, SIZE) for _ in range(10)]
    ann.put(UPLOAD, data=b"x", expect=413)
    for pid in relay.children("nginx") if who == "all-of-nginx" else relay.nginx_workers():
        os.kill(pid, signal.SIGKILL)

    def again():
        try:
            return ann.call("PUT", UPLOAD, data=b"x" * QUOTA, check=False).status == 200
        except OSError:
            return False
    wait_until("the shares are given back", again)
    for each in sending:
        each.close()


def test_one_user_may_have_a_hundred_uploads_under_way(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    sending = [Sending(ann, 10) for _ in range(100)]
    assert ann.put(UPLOAD, data=b"x", expect=429).is_error(429, "rate_limited").headers["Retry-After"]
    assert [each.finish() for each in sending] == [200] * 100
