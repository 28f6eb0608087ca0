"""Reads what Docker would: a Dockerfile, a .dockerignore, the ${...} of a compose file. Strict, for this project."""
import json
import os
import re
import shlex

KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ARG", "ENV", "VOLUME", "EXPOSE", "USER", "HEALTHCHECK", "ENTRYPOINT"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # what an engine gives to a step
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|PRIVATE|_KEY", re.I)


class Stage:
    """One stage: its name, the image below it, and its steps as (line, word, arguments)."""

    def __init__(self, name, base):
        self.name, self.base, self.steps = name, base, []

    def all(self, word):
        """Arguments of every step of that kind."""
        return [args for _, found, args in self.steps if found == word]


def steps(text):
    """(line number, WORD, arguments) of a Dockerfile; lines that go on are joined."""
    found, begun, joined = [], 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or not (line.strip() or joined):
            continue
        begun, joined = begun or number, joined + line.strip()
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        word, _, args = joined.partition(" ")
        found.append((begun, word, args.strip()))
        begun, joined = 0, ""
    return found + ([(begun, "\\", joined)] if joined else [])


def stages(text):
    """The stages, in order; a stage without a name has that of its number."""
    found = []
    for line, word, args in steps(text):
        if word == "FROM":
            base, name = (re.split(r"\s+AS\s+", args) + [str(len(found))])[:2]
            found.append(Stage(name, base))
        elif found:
            found[-1].steps.append((line, word, args))
    return found


def ignored(patterns, path):
    """Whether .dockerignore keeps a path out: the last pattern that matches it or a folder of it decides."""
    out = False
    for pattern in (line.strip() for line in patterns.splitlines()):
        if pattern and not pattern.startswith("#"):
            plain = re.escape(pattern.lstrip("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
            if re.fullmatch(f"{plain}(/.*)?", path):
                out = not pattern.startswith("!")
    return out


def _copies(args):
    words = shlex.split(args)
    options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    *sources, target = [word for word in words if not word.startswith("--")]
    return options, sources, target


def _is_words(args):
    try:
        return all(isinstance(word, str) for word in json.loads(args)) and args.startswith("[")
    except ValueError:
        return False


def _findings_of_step(word, args, earlier, context):
    if word not in KNOWN:
        yield f"{word} is not used here"
    if word == "WORKDIR" and not args.startswith("/"):
        yield "WORKDIR is not absolute"
    if word == "COPY":
        options, sources, _ = _copies(args)
        if "from" in options and options["from"] not in earlier:
            yield f"COPY from {options['from']}, which is no earlier stage"
        for source in () if "from" in options else sources:
            if source != "." and not any(name == source or name.startswith(f"{source}/") for name in context):
                yield f"COPY of {source}, which the build does not see"
    if word in ("VOLUME", "ENTRYPOINT") and not _is_words(args):
        yield f"{word} is not a list of words"
    if word == "HEALTHCHECK" and not _is_words(args.partition("CMD ")[2]):
        yield "HEALTHCHECK is not a list of words"
    if word in ("ENV", "ARG") and SECRET.search(args):
        yield f"{word} keeps a secret in the image"
    if word == "RUN":
        for part in re.split(r"&&|;|\|\|", args):
            if "apt-get install" in part and not {"-y", "--no-install-recommends"} <= set(part.split()):
                yield "apt-get install wants -y and --no-install-recommends"
        if re.search(r"\bsudo\b|\|\s*(ba)?sh\b", args):
            yield "RUN uses sudo, or runs what it downloads"


def _findings_of_last(stage):
    words = [word for _, word, _ in stage.steps]
    user = (stage.all("USER") or ["root"])[-1]
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user):
        yield f"it runs as {user}, not as a user by its number"
    elif {"RUN", "COPY"} & set(words[words.index("USER"):]):
        yield "the user of the relay makes files of the image"
    for word in ("HEALTHCHECK", "ENTRYPOINT", "VOLUME", "EXPOSE"):
        if words.count(word) != 1:
            yield f"one {word} is wanted"
    if any("." in _copies(args)[1] and "--from" not in args for args in stage.all("COPY")):
        yield "all of the context is copied into the image that runs"
    installing = [args for args in stage.all("RUN") if re.search(r"install_deps|apt-get", args)]
    if any("rm -rf /var/lib/apt/lists/*" not in args for args in installing):
        yield "the lists of apt stay in a layer"


def findings(text, context):
    """What is wrong with a Dockerfile whose build sees the files of `context`; one line each."""
    found, earlier = [], []
    for stage in stages(text):
        if not re.fullmatch(r"[\w./-]+:(?!latest$)[\w.-]+", stage.base):
            found.append(f"{stage.base} has no tag that stays")
        for line, word, args in stage.steps:
            found += [f"line {line}: {what}" for what in _findings_of_step(word, args, earlier, context)]
        earlier.append(stage.name)
    if len(earlier) < 2:
        return [*found, "there is no stage of its own for building"]
    return found + list(_findings_of_last(stages(text)[-1]))


def interpolate(value, env):
    """A compose value with its ${NAME:-default} and ${NAME:?what is wrong} replaced, from the inside out."""
    one = re.compile(r"\$\{(\w+):([-?])([^${}]*)\}")
    while match := one.search(value):
        assert env.get(match[1]) or match[2] == "-", f"{match[1]} {match[3]}"
        value = one.sub(lambda match: env.get(match[1]) or match[3], value, count=1)
    assert "$" not in value, value
    return value


def environment(stage):
    """The variables that ARG and ENV give to a stage."""
    words = [word for args in (*stage.all("ARG"), *stage.all("ENV")) for word in shlex.split(args)]
    return dict(word.split("=", 1) for word in words)


def script(text, context, **more):
    """Bash lines that do what the Dockerfile says, stage by stage, each in a spare root of the stage's name."""
    lines = []
    for stage in stages(text):
        root, work, env = f"$SPARE/{stage.name}", "/", {"PATH": PATH, **more}
        lines.append(f"spare {stage.name}")
        for _, word, args in stage.steps:
            if word == "WORKDIR":
                work = args
                lines.append(f'mkdir -p "{root}{work}"')
            elif word == "COPY":
                options, sources, target = _copies(args)
                below = f"$SPARE/{options['from']}" if "from" in options else context
                target = f"{root}{os.path.join(work, target)}"
                for source in (os.path.normpath(f"{below}/{source}") for source in sources):
                    lines.append(f'mkdir -p "{target}"; source="{source}"; [ ! -d "$source" ] || source=$source/.; '
                                 f'cp -r --preserve=mode "$source" "{target}"')
            elif word in ("ENV", "ARG"):
                env.update(word.split("=", 1) for word in shlex.split(args))
            elif word == "RUN":
                given = " ".join(shlex.quote(f"{name}={value}") for name, value in env.items())
                lines.append(f'chroot "{root}" env -i -C {work} {given} /bin/sh -c {shlex.quote(args)} >&2')
    return "\n".join(lines) + "\n"
