"""scripts/install_deps.sh beside another apt, with stand-ins for apt-get and dpkg-query."""
import os
import subprocess

import pytest

from contract import ROOT

APT = """#!/bin/sh
echo "$*" >>{0}/calls
case $* in *update*) ;; *) exit 0 ;; esac
left=$(cat {0}/left)
[ "$left" -gt 0 ] || exit 0
echo $((left - 1)) >{0}/left
echo "{1}" >&2
exit 100
"""
LOCKED = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root installs packages")


@pytest.fixture(name="install")
def run_with_an_apt_that_fails(tmp_path):
    def run(failures, message, **env):
        for name, text in (("apt-get", APT.format(tmp_path, message)), ("dpkg-query", "#!/bin/sh\nexit 1\n"), ("sleep", "#!/bin/sh\n")):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        (tmp_path / "policy").mkdir(exist_ok=True)
        (tmp_path / "left").write_text(str(failures))
        script = os.path.join(ROOT, "scripts", "install_deps.sh")
        text = open(script, encoding="utf-8").read().replace("/usr/sbin/policy-rc.d", str(tmp_path / "policy-rc.d"))
        (tmp_path / "install_deps.sh").write_text(text)
        return subprocess.run(["bash", str(tmp_path / "install_deps.sh")], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=60, env={"PATH": f"{tmp_path}:/usr/bin:/bin", **env})
    return run


def test_lock_of_another_apt_is_waited_for(install, tmp_path):
    done = install(3, LOCKED)
    assert done.returncode == 0, done
    assert done.stderr.count("Waiting for another apt") == 1
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 5 and "DPkg::Lock::Timeout=900" in calls[-1] and " install " in calls[-1]


def test_lock_that_is_never_given_up_ends_with_what_apt_said(install):
    done = install(10 ** 6, LOCKED, APT_TIMEOUT_SEC="0")
    assert done.returncode == 1 and LOCKED in done.stderr, done


def test_other_failure_of_apt_is_not_tried_again(install, tmp_path):
    done = install(10 ** 6, "E: The repository is gone")
    assert done.returncode == 1 and "The repository is gone" in done.stderr
    assert len((tmp_path / "calls").read_text().splitlines()) == 1
    assert not (tmp_path / "policy-rc.d").exists()
