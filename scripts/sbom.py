#!/usr/bin/env python3
"""Prints what a package of the relay stands on, as CycloneDX 1.5 (a software bill of materials): libraries of the page, which
are in the package, with their versions and checksums; and packages of Debian, which the system brings and keeps up to date.
The same to the byte for the same commit."""
import argparse
import base64
import json
import os
import re
import subprocess
import sys
import time
import uuid
from urllib.parse import quote

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAME = "webchat-private-relay"


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def page_libraries():
    """What package-lock.json says of each, but for the tools that build the page."""
    for place, each in sorted(json.loads(read("web", "package-lock.json"))["packages"].items()):
        name = place.rpartition("node_modules/")[2]
        if not name or "esbuild" in name:
            continue
        algorithm, _, digest = each["integrity"].partition("-")
        purl = f"pkg:npm/{quote(name)}@{each['version']}"
        yield {"type": "library", "bom-ref": purl, "name": name, "version": each["version"], "purl": purl, "scope": "required",
               "hashes": [{"alg": algorithm.upper().replace("SHA", "SHA-"), "content": base64.b64decode(digest).hex()}],
               "licenses": [{"license": {"id": each["license"]}}]}


def system_packages():
    """The Debian packages that built programs need to run."""
    said = subprocess.run([os.path.join(TOP, "scripts", "install_deps.sh"), "--runtime", "--list"], check=True,
                          capture_output=True, text=True).stdout
    for name in sorted(said.split()):
        purl = f"pkg:deb/debian/{quote(name)}?distro=debian-12"
        yield {"type": "application" if name in ("nginx", "ca-certificates") else "library", "bom-ref": purl, "name": name,
               "purl": purl, "scope": "required", "description": "The system's own, not in this package."}


def document(seconds, with_page):
    version = re.search(r'RELAY_VERSION "(.*)"', read("base", "version.h")).group(1)
    parts = [*(page_libraries() if with_page else ()), *system_packages()]
    made = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "metadata": {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
                         "component": {"type": "application", "bom-ref": NAME, "name": NAME, "version": version,
                                       "licenses": [{"license": {"id": "MIT"}}]}},
            "components": parts, "dependencies": [{"ref": NAME, "dependsOn": [part["bom-ref"] for part in parts]}]}
    return {"serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(made))}", **made}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", type=int, default=int(os.environ.get("SOURCE_DATE_EPOCH", "0")), metavar="SECONDS",
                        help="when it was made (default: SOURCE_DATE_EPOCH)")
    parser.add_argument("--without-page", action="store_true", help="of a package that has no WebChat page")
    args = parser.parse_args()
    json.dump(document(args.time, not args.without_page), sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
