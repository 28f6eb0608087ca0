"""Upload folders that are not what they were: missing, or mounted empty."""
import os

import pytest

from client import wait_until
from harness import run

UPLOAD = "/api/v1/webchat/upload"


@pytest.fixture(name="relay")
def relay_without_passes(make_relay):
    return make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})


def sweep(relay, *options):
    done = run("relay-sweep", "--dir", relay.folder, "--now", *options)
    assert done.returncode == 0, done
    return done.stderr


def move(relay, name):
    folder = os.path.join(relay.folder, "pchat_uploads", name)
    os.rename(folder, folder + ".away")
    return folder


def test_folder_that_is_mounted_empty_loses_no_file_and_says_so(relay):
    ann = relay.sign_in()
    made = ann.put(UPLOAD, data=b"bytes", expect=200)
    folder = move(relay, "files")
    os.mkdir(folder, 0o755)
    said = sweep(relay)
    assert folder in said and "1 of 1 files of the database are not there" in said and "--drop-lost" in said
    os.rmdir(folder)
    os.rename(folder + ".away", folder)
    with relay.locked_database() as link:
        link.execute("UPDATE sweep SET searched_at = 0")
    assert "not there" not in sweep(relay)
    assert ann.get(made["url"], expect=200).body == b"bytes"


def test_files_that_are_lost_for_good_are_forgotten_on_demand(relay):
    ann = relay.sign_in()
    made = ann.put(UPLOAD, data=b"bytes", expect=200)
    os.mkdir(move(relay, "files"), 0o755)
    sweep(relay, "--drop-lost")
    ann.get(made["url"], expect=404)


@pytest.mark.parametrize("name", ["files", "incoming"])
def test_missing_folder_is_no_full_disk_and_the_log_names_it(relay, name):
    ann = relay.sign_in()
    folder = move(relay, name)
    ann.put(UPLOAD, data=b"bytes").is_error(503, "storage_unavailable")
    wait_until("the log says so", lambda: f"{folder}: No such file or directory" in relay.stderr)
    os.rename(folder + ".away", folder)
    ann.put(UPLOAD, data=b"bytes", expect=200)
