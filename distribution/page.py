"""What a release's page gets beside sdist and wheels: firmware images, a bill of materials, checksums.

CycloneDX's tool sees the Python packages that a wheel brings, under the licences that they say of themselves, and not
what the images in the wheel are linked from. What it misses comes from here, as NOTICE.md has it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

# Name, the Debian package that brings it, licence.
LINKED = (
    ("newlib", "libnewlib-arm-none-eabi", "BSD and similar, see COPYING.NEWLIB"),
    ("libgcc", "gcc-arm-none-eabi", "GPL-3.0-or-later WITH GCC-exception-3.1"),
    ("libstdc++ (headers)", "libstdc++-arm-none-eabi-dev", "GPL-3.0-or-later WITH GCC-exception-3.1"),
)


def describe(sbom: dict[str, Any], flatbuffers: str, debian: dict[str, str]) -> None:
    """Adds to a bill of materials what the images in the wheel hold of others, and corrects Unicorn's licence.

    Args:
        sbom: CycloneDX, as JSON; changed in place.
        flatbuffers: Version of the C++ headers.
        debian: Version of each package of ``LINKED``.
    """
    parts = [("FlatBuffers (C++ headers)", flatbuffers, "Apache-2.0")]
    parts += [(name, debian[package], licence) for name, package, licence in LINKED]
    for name, version, licence in parts:
        is_expression = "see" not in licence
        sbom["components"].append(
            {
                "type": "library",
                "bom-ref": f"firmware/{name}",
                "name": name,
                "version": version,
                "description": "Linked into the firmware images that the wheel carries.",
                "licenses": [{"expression": licence} if is_expression else {"license": {"name": licence}}],
            }
        )
    own = sbom["metadata"]["component"]["bom-ref"]
    (dependencies,) = (entry for entry in sbom["dependencies"] if entry["ref"] == own)
    dependencies.setdefault("dependsOn", []).extend(f"firmware/{name}" for name, _, _ in parts)
    # Its metadata says BSD; its sources, which are QEMU's, say otherwise.
    (unicorn,) = (component for component in sbom["components"] if component["name"] == "unicorn")
    unicorn["licenses"] = [{"license": {"id": "GPL-2.0-only", "acknowledgement": "concluded"}}]


def debian_versions() -> dict[str, str]:
    """Of the packages that images are linked from, on the machine that builds them."""
    packages = [package for _, package, _ in LINKED]
    asked = ["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", *packages]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split() for line in lines)


def flatbuffers_version(root: Path) -> str:
    """As pyproject.toml pins it: headers, compiler and Python code are of one release."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (version,) = (line.split("==")[1] for line in project["dependencies"] if line.startswith("flatbuffers=="))
    return str(version)


def bill_of_materials(dist: Path, version: str, tools: Path) -> dict[str, Any]:
    """Of the wheel for this Python, installed today with the dependencies that pip chooses."""
    project = Path(__file__).parents[1] / "pyproject.toml"
    with tempfile.TemporaryDirectory(prefix="renode-mnist-") as scratch:
        venv, file = Path(scratch, "installed"), Path(scratch, "sbom.json")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        subprocess.run(
            [tools / "python", "-m", "pip", "--python", venv / "bin" / "python", "install", "--quiet", "--no-input",
             "--disable-pip-version-check", "--only-binary=:all:", "--find-links", dist, f"renode-mnist=={version}"],
            check=True,
        )  # fmt: skip
        subprocess.run(
            [tools / "cyclonedx-py", "environment", "--output-reproducible", "--output-format", "JSON",
             "--output-file", file, "--pyproject", project, "--mc-type", "application", venv / "bin" / "python"],
            check=True,
        )  # fmt: skip
        sbom: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    # The subject is the wheel itself: named by pyproject.toml, which has no version, and found installed as well.
    sbom["metadata"]["component"]["version"] = version
    describe(sbom, flatbuffers_version(project.parent), debian_versions())
    return sbom


def checksums(files: list[Path]) -> str:
    """As ``sha256sum --check`` reads them."""
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the files go; what it held is removed")
    parser.add_argument("--dist", type=Path, required=True, help="holds one sdist and its wheels")
    parser.add_argument("--images", type=Path, required=True, help="holds the images that the wheels carry")
    parser.add_argument("--tools", type=Path, required=True, help="holds python with pip, and cyclonedx-py")
    given = parser.parse_args()
    (sdist,) = given.dist.glob("renode_mnist-*.tar.gz")
    version = sdist.name.removeprefix("renode_mnist-").removesuffix(".tar.gz")
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    for elf in sorted(given.images.glob("*.elf")):
        shutil.copyfile(elf, given.folder / f"renode-mnist-{version}-{elf.name}")
    sbom = bill_of_materials(given.dist, version, given.tools)
    (given.folder / "bill-of-materials.cdx.json").write_text(json.dumps(sbom, indent=2) + "\n", encoding="utf-8")
    files = sorted([*given.dist.iterdir(), *given.folder.iterdir()], key=lambda file: file.name)
    (given.folder / "SHA256SUMS").write_text(checksums(files), encoding="utf-8")


if __name__ == "__main__":
    main()
