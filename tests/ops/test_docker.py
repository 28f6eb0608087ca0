"""The container: its files are read strictly, its steps are done on a spare machine, and the relay runs there."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

import dockerfile
import spare
from contract import ROOT
from harness import clean_env, free_port
from packing import PROGRAMS, page_section, tracked

COMPOSE = "docker-compose.private-relay.yml"
HOME = "/opt/webchat-relay"
SERVICE_KEYS = {"build": str, "image": str, "init": bool, "restart": str, "stop_grace_period": str, "read_only": bool,
                "cap_drop": list, "security_opt": list, "env_file": str, "environment": dict, "ports": list,
                "volumes": list, "tmpfs": list, "ulimits": dict}
GOOD = """\
FROM debian:12-slim AS build
RUN make
FROM debian:12-slim
COPY --from=build /x /x
VOLUME ["/data"]
EXPOSE 5110
USER 10:10
HEALTHCHECK CMD ["/x", "health"]
ENTRYPOINT ["/x"]
"""


def text_of(name):
    return pathlib.Path(ROOT, name).read_text(encoding="utf-8")


def last_stage():
    return dockerfile.stages(text_of("Dockerfile"))[-1]


def context():
    """The tracked files that a build sees."""
    ignore = text_of(".dockerignore")
    return [name for name in tracked() if not dockerfile.ignored(ignore, name)]


@pytest.fixture(name="service", scope="module")
def service_of_compose():
    return yaml.safe_load(text_of(COMPOSE))["services"]["relay"]


# -- the files ---------------------------------------------------------------------------------------


def test_nothing_is_wrong_with_the_dockerfile():
    assert dockerfile.findings(text_of("Dockerfile"), context()) == []


@pytest.mark.parametrize("old, new, said", [
    ("FROM debian:12-slim AS", "FROM debian AS", "no tag"), ("FROM debian:12-slim\n", "FROM debian:latest\n", "no tag"),
    ("RUN make", "ADD x /x", "ADD is not used"), ("RUN make", "RUN make \\", "stage of its own"),
    ("RUN make", "WORKDIR here", "not absolute"), ('CMD ["/x", "health"]', "CMD /x", "list of words"),
    ("RUN make", "COPY missing /x", "does not see"), ("--from=build", "--from=later", "no earlier stage"),
    ("RUN make", "RUN apt-get install x", "wants -y"), ("RUN make", "RUN curl http://x | sh", "runs what it downloads"),
    ("RUN make", "ENV SMTP_PASSWORD=x", "secret"), ("USER 10:10\n", "", "runs as root"),
    ("USER 10:10", "USER 0:0", "runs as 0:0"),
    ("USER 10:10", "USER relay", "runs as relay"), ("USER 10:10", "USER 10:10\nRUN x", "makes files"),
    ('["/data"]', "/data", "list of words"), ('ENTRYPOINT ["/x"]', "ENTRYPOINT /x", "list of words"),
    ("EXPOSE 5110\n", "", "one EXPOSE"), ("COPY --from=build /x /x", "COPY . /x", "all of the context"),
    ("COPY --from=build /x /x", "RUN apt-get install -y --no-install-recommends x", "lists of apt"),
    ("FROM debian:12-slim\n", "", "stage of its own"),
])
def test_checker_finds(old, new, said):
    assert dockerfile.findings(GOOD, ["source.c"]) == [] and old in GOOD
    assert any(said in line for line in dockerfile.findings(GOOD.replace(old, new), ["source.c"]))


@pytest.mark.parametrize("name", [
    "relay/.env.local", "relay/data/bridge.db", "relay/data/backups/x.db", "relay/pchat_uploads/files/x",
    "relay/run/relay.log", ".env", ".git/config", "dist/x.deb", "build/relayd", "scripts/__pycache__/x.pyc"])
def test_build_does_not_see(name):
    assert dockerfile.ignored(text_of(".dockerignore"), name)


def test_build_sees_what_make_and_the_package_need():
    parts = (".c", ".h", ".def", ".sql", ".in", ".md", ".yaml", ".service", ".timer", ".cron", ".example", ".py", ".sh")
    left_out = set(tracked()) - set(context())
    assert [name for name in left_out if name.endswith(parts) and not name.startswith("tests/")] == []
    assert {"Makefile", "LICENSE"} <= set(context())


def test_port_of_the_image_is_the_default_one():
    default = re.search(r'^CONF\(PORT, INT, port, "(\d+)"', text_of("base/conf.def"), re.M).group(1)
    assert last_stage().all("EXPOSE") == [default]


def test_compose_file_has_known_keys_of_the_right_kind(service):
    whole = yaml.safe_load(text_of(COMPOSE))
    assert set(whole) == {"name", "services", "volumes"} and list(whole["services"]) == ["relay"]
    assert {key: type(value) for key, value in service.items()} == SERVICE_KEYS
    assert {volume.split(":")[0] for volume in service["volumes"]} == set(whole["volumes"])


def test_compose_gives_the_relay_no_rights(service):
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc", "user"} & set(service)


def test_what_the_relay_writes_to_is_a_volume_or_in_memory(service):
    targets = [volume.split(":")[1] for volume in service["volumes"]]
    assert targets == json.loads(last_stage().all("VOLUME")[0]) == [f"{HOME}/relay/data", f"{HOME}/relay/pchat_uploads"]
    [tmpfs] = service["tmpfs"]
    uid, gid = last_stage().all("USER")[0].split(":")
    path, options = tmpfs.split(":")
    assert path == f"{HOME}/relay/run" and {f"uid={uid}", f"gid={gid}"} <= set(options.split(","))


@pytest.mark.parametrize("env, published, inside", [
    ({}, "0.0.0.0:5110:5110", "5110"), ({"PORT": "6000"}, "0.0.0.0:6000:6000", "6000"),
    ({"PORT": "6000", "WEBCHAT_RELAY_PORT": "7000"}, "0.0.0.0:7000:7000", "7000"),
    ({"HOST": "127.0.0.1", "PORT": ""}, "127.0.0.1:5110:5110", "5110"), ({"HOST": "::"}, ":::5110:5110", "5110"),
])
def test_port_is_that_of_the_settings(service, env, published, inside):
    shown = ["{host_ip}:{published}:{target}".format(**port) for port in service["ports"]]
    assert [dockerfile.interpolate(port, env) for port in shown] == [published]
    assert dockerfile.interpolate(service["environment"]["WEBCHAT_RELAY_PORT"], env) == inside
    assert service["env_file"] == "relay/.env.local"


@pytest.mark.parametrize("value, more", [("", ""), ("1", " --postgres")])
def test_build_argument_brings_postgresql(tmp_path, value, more):
    """To the packages of both stages, and by the package to make."""
    (tmp_path / "scripts").mkdir()
    for name in ("install_deps.sh", "package_private_relay.sh"):
        (tmp_path / "scripts" / name).write_text('#!/bin/sh\necho "${0##*/} $* with ($PG)"\n', encoding="utf-8")
        (tmp_path / "scripts" / name).chmod(0o755)
    said = [subprocess.run(["sh", "-c", step.split("&&")[0]], cwd=tmp_path, env=clean_env(**{**dockerfile.environment(stage), "PG": value}),
                           capture_output=True, text=True, check=True).stdout.strip()
            for stage in dockerfile.stages(text_of("Dockerfile")) for step in stage.all("RUN") if step.startswith("scripts/")]
    assert said == [f"install_deps.sh --web{more} with ({value})", f"package_private_relay.sh --output /dist with ({value})",
                    f"install_deps.sh --runtime{more} with ({value})"]
    planned = subprocess.run(["make", "-n", "-C", ROOT, f"BUILD={tmp_path}/build", "all"], env=clean_env(PG=value), capture_output=True, text=True,
                             check=True).stdout
    assert ("-lpq" in planned) is bool(value)


def test_page_names_what_is_there(service):
    lines = [line for block in page_section("Docker") for line in block.splitlines()]
    calls = [line.split() for line in lines if line.startswith("docker ")]
    assert len(calls) == 5
    for words in calls:
        assert words[:6] == ["docker", "compose", "--env-file", service["env_file"], "-f", COMPOSE]
        command, rest = words[6], words[7:]
        assert command in ("up", "logs", "exec", "cp") and (command == "up" or rest[0].split(":")[0] == "relay")
        assert command != "exec" or rest[1] == "relayctl"
        assert command != "cp" or rest[0].startswith(f"relay:{HOME}/relay/data/")


# -- the entrypoint ----------------------------------------------------------------------------------


@pytest.fixture(name="entry")
def entrypoint_in_a_package(built, tmp_path):
    """Runs the entrypoint of a folder that is laid out as in the image."""
    for name in ("build", "scripts", "relay"):
        (tmp_path / name).mkdir()
    shutil.copy2(os.path.join(built, "relayd"), tmp_path / "build")
    shutil.copy2(os.path.join(ROOT, "scripts", "docker_entrypoint.sh"), tmp_path / "scripts")

    def run(*words):
        script = tmp_path / "scripts" / "docker_entrypoint.sh"
        return subprocess.run([script, *words], env=clean_env(), cwd="/", timeout=60, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
    return run


def test_health_of_a_relay_that_does_not_run_is_one_line(entry):
    done = entry("health")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "The relay is not running.\n")


def test_unknown_option_is_one_line(entry):
    done = entry("--nonsense")
    assert done.returncode == 2 and "--nonsense" in done.stderr and len(done.stderr.splitlines()) == 1


def test_other_words_are_a_program(entry):
    assert entry("printf", "%s-", "a b", "c").stdout == "a b-c-"


def test_help_is_on_standard_output(entry):
    assert entry("--help").stdout.startswith("Usage:")


# -- the image, and a container of it ------------------------------------------------------------------

CONTAINER = r"""
image=$SPARE/@IMAGE@
user=@USER@
echo "== layers"
find "$SPARE/.@IMAGE@/up" -type f -printf '%P\n'
echo "== owners"
find "$image@HOME@" -printf '%U %P\n'
umount "$image/tmp"
mount -o remount,ro "$image"
for volume in @VOLUMES@; do # a new volume has owner and mode of the image's folder
    mount -t tmpfs -o "$(stat -c 'uid=%u,gid=%g,mode=%a' "$image$volume")" none "$image$volume"
done
mount -t tmpfs -o @TMPFS@ none "$image@HOME@/relay/run"
within=(chroot "$image" setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups --no-new-privs
    --bounding-set=-all --inh-caps=-all env -i -C @HOME@ @ENV@ HOST=127.0.0.1 "WEBCHAT_RELAY_PORT=$PORT")
inside() { "${within[@]}" "$@"; }
api() { inside curl -sS --max-time 10 -H 'Content-Type: application/json' "$@"; echo; }
status() { if inside @HEALTH@ >&2; then echo healthy; else echo "unhealthy $?"; fi; }
echo "== before"
status
inside touch @HOME@/x 2>&1 || true
echo "== run"
"${within[@]}" @ENTRYPOINT@ >"$SPARE/log" 2>&1 & # no function: its process is the relay
relay=$!
tries=0
until inside @HEALTH@ 2>"$SPARE/health"; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] && kill -0 $relay || { cat "$SPARE/log" "$SPARE/health" >&2; exit 1; }
    sleep 0.1
done
status
code=$(inside relayctl code ann@example.com)
url=http://127.0.0.1:$PORT/api/v1
token=$(api "$url/pchat/auth/verify-code" \
    -d "{\"email\":\"ann@example.com\",\"code\":\"$code\",\"chat_address\":\"ann\"}" |
    sed 's/.*"session_token":"\([^"]*\)".*/\1/')
long=$(head -c 60000 /dev/zero | tr '\0' x) # nginx puts such a body into a file
api "$url/messages" -H "X-PChat-Session: $token" -d "{\"to\":\"ann\",\"text\":\"$long\"}"
api "$url/webchat/poll" -H "X-PChat-Session: $token" -d '{"chat_address":"ann","limit":20}' | tr -s x
inside relayctl backup relay/data/copy.db
inside ls relay/data
echo "== users"
awk '/^Name:/ { name = $2 } /^Uid:/ && name ~ /^(relay|nginx)/ { print $2, name }' "$image"/proc/[0-9]*/status
echo "== after"
kill -TERM $relay
wait $relay && echo "ended well"
status
"""


@pytest.fixture(name="container", scope="module")
def container_on_a_spare_machine(tmp_path_factory, service):
    """What each part of CONTAINER printed, by its title. The programs are built without optimizing, for speed."""
    folder = tmp_path_factory.mktemp("spare")
    spare.needs(folder)
    seen = tmp_path_factory.mktemp("context")
    for name in context():
        (seen / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(os.path.join(ROOT, name), seen / name)
    last = last_stage()
    quoted = {"IMAGE": last.name, "USER": last.all("USER")[0], "HOME": HOME, "TMPFS": service["tmpfs"][0].split(":")[1],
              "VOLUMES": " ".join(json.loads(last.all("VOLUME")[0])),
              "ENTRYPOINT": " ".join(json.loads(last.all("ENTRYPOINT")[0])),
              "HEALTH": " ".join(json.loads(last.all("HEALTHCHECK")[0].partition("CMD ")[2])),
              "ENV": " ".join(f"{name}={value}" for name, value in dockerfile.environment(last).items())}
    lines = re.sub(r"@([A-Z]+)@", lambda match: quoted[match[1]], CONTAINER)
    image = dockerfile.script(text_of("Dockerfile"), str(seen), MAKEFLAGS="KIND=", GZIP_LEVEL="1")
    done = spare.run(str(folder), image + lines, PORT=free_port())
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return spare.parts(done.stdout)


def test_image_has_programs_but_no_sources_no_tests_and_no_lists_of_apt(container):
    layers = container["layers"]
    for name in (*(f"build/{name}" for name in PROGRAMS), "nginx/relay.conf.in", "scripts/docker_entrypoint.sh"):
        assert f"{HOME[1:]}/{name}" in layers
    kinds = re.compile(r"\.(c|h|o|sql|def)$|/tests/|/src/|Makefile|apt/lists/|\.env\.local")
    assert [name for name in layers if kinds.search(name)] == []


def test_only_volumes_and_run_belong_to_the_user_of_the_relay(container):
    theirs = [line.split(" ", 1)[1] for line in container["owners"] if not line.startswith("0 ")]
    assert sorted(theirs) == ["relay/data", "relay/pchat_uploads", "relay/run"]


def test_container_without_a_running_relay_is_unhealthy(container):
    assert container["before"][0] == "unhealthy 1" and "Read-only file system" in container["before"][1]


def test_relay_runs_without_rights_on_a_read_only_file_system(container):
    said = "\n".join(container["run"])
    assert container["run"][0] == "healthy" and '"status":"queued"' in said and '"text":"x"' in said
    assert {"bridge.db", "copy.db"} <= set(container["run"])
    uid = last_stage().all("USER")[0].split(":")[0]
    assert {line.split()[0] for line in container["users"]} == {uid}
    assert {line.split()[1] for line in container["users"]} >= {"relayd", "relay-mail", "relay-live", "nginx"}


def test_container_ends_well_when_it_is_told_to(container):
    assert container["after"] == ["ended well", "unhealthy 1"]
