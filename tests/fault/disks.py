"""A small file system, and filling it up."""
import os
import subprocess
import tempfile

import pytest


@pytest.fixture(name="small_disk")
def eight_mib_file_system():
    """A folder on a file system of 8 MiB."""
    home = tempfile.mkdtemp(prefix="relay-test-")
    os.chmod(home, 0o755)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", home], capture_output=True, check=False)
    if mounted.returncode != 0:
        os.rmdir(home)
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    folder = os.path.join(home, "relay")
    os.mkdir(folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", home], check=True)
        os.rmdir(home)


def fill_up(folder):
    """Take all room that is left; returns the file that takes it."""
    path = os.path.join(folder, "ballast")
    with open(path, "wb", buffering=0) as file:
        size = 65536
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2
    return path
