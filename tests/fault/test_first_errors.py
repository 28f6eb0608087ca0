"""A start that fails says the first thing that went wrong, where, whose it is, and the line that mends it."""
import os
import pwd
import subprocess

import pytest

from disks import fill_up
from harness import BUILD, Relay, StartFailed, clean_env, free_port, write_settings
from preload import preload

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
USER = "nobody"


def start_of(folder, user=None):
    """What a start that ends at once says."""
    env = clean_env(WEBCHAT_RELAY_PORT=free_port(), WEBCHAT_STRICT_PORT=1)
    as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    done = subprocess.run([os.path.join(BUILD, "relayd"), "--dir", folder], env=env, cwd="/", capture_output=True, text=True,
                          timeout=60, check=False, **as_user)
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize("room", [0, 16, 48, 80, 112, 144], ids=lambda room: f"{room}-KiB-left")
def test_full_disk_at_the_first_start_is_called_that(small_disk, room):
    write_settings(small_disk, "HOST=127.0.0.1\nPCHAT_MIN_FREE_BYTES=0\n")
    for name in "data", "run", "run/tmp", "pchat_uploads", "pchat_uploads/files", "pchat_uploads/incoming":
        os.mkdir(os.path.join(small_disk, name), 0o755)
    ballast = fill_up(small_disk)
    os.truncate(ballast, os.stat(ballast).st_size - room * 1024)
    said = start_of(small_disk)
    assert "rollback" not in said and os.path.join(small_disk, "data") in said
    assert "is full" in said or "No space left on device" in said, said


@pytest.fixture(scope="module")
def one_of_an_ordinary_user(built):  # pylint: disable=unused-argument
    with Relay(user=pwd.getpwnam(USER).pw_uid) as relay:
        relay.sign_in().put("/api/v1/webchat/upload", data=b"x", expect=200)
        yield relay


@pytest.fixture(name="users_relay")
def relay_of_an_ordinary_user(one_of_an_ordinary_user):
    """It has ended; what a test gave away is the user's again after it."""
    one_of_an_ordinary_user.stop()
    yield one_of_an_ordinary_user
    subprocess.run(["chown", "-R", USER, one_of_an_ordinary_user.folder], check=True)


@as_root
@pytest.mark.parametrize("name", ["bridge.db", "bridge.db.tombstones", "bridge.db.lock", "server.key"])
def test_file_that_belongs_to_root_is_named_with_its_owner_and_the_line_that_mends_it(users_relay, name):
    path = os.path.join(users_relay.folder, "data", name)
    os.chown(path, 0, 0)
    os.chmod(path, 0o600)
    with pytest.raises(StartFailed, match=f"{path}: Permission denied; it belongs to root, and the relay runs as {USER}: chown -R {USER} '{path}' as root mends it"):
        users_relay.start()
    subprocess.run(["chown", "-R", USER, path], check=True)
    users_relay.start()


# As a worker of a killed relay does, which closes the database while the next relay looks at its files.
GOES_MEANWHILE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

int
access(const char *path, int mode)
{
	size_t len = strlen(path);

	if (len > 4 && strcmp(path + len - 4, "-shm") == 0)
		unlink(path);
	return ((int (*)(const char *, int))dlsym(RTLD_NEXT, "access"))(path, mode);
}
"""


def test_file_that_goes_while_the_start_looks_does_not_stop_it(make_relay, tmp_path):
    relay = make_relay()
    ann = relay.sign_in()
    relay.stop()
    with open(f"{relay.database}-shm", "wb"):
        owner = os.stat(relay.database)
        os.chown(f"{relay.database}-shm", owner.st_uid, owner.st_gid)
    library = os.path.join(relay.folder, "access.so")
    (tmp_path / "access.c").write_text(GOES_MEANWHILE)
    subprocess.run(["gcc", "-fPIC", "-shared", "-o", library, str(tmp_path / "access.c")], check=True)
    relay.env, relay.fixed_port = preload(library), ann.port
    relay.start()
    ann.get("/api/v1/pchat/auth/me", expect=200)


@as_root
def test_upload_that_belongs_to_root_is_reported_and_the_chat_goes_on(users_relay):
    folder = os.path.join(users_relay.folder, "pchat_uploads", "files")
    [name] = os.listdir(folder)
    os.chown(os.path.join(folder, name), 0, 0)
    os.chmod(os.path.join(folder, name), 0o600)
    users_relay.start()
    assert f"{folder}/{name}: Permission denied; it belongs to root" in users_relay.stderr


@as_root
def test_relay_of_root_takes_over_what_root_put_back(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    relay.stop()
    for root, _, names in os.walk(os.path.join(relay.folder, "data")):
        for path in [root, *(os.path.join(root, name) for name in names)]:
            os.chown(path, 0, 0)
    relay.fixed_port = ann.port
    relay.start()
    ann.get("/api/v1/pchat/auth/me", expect=200)
    ann.delete("/api/v1/pchat/auth/me", expect=200)
