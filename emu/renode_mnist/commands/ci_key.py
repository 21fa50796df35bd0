"""``renode-mnist ci key``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import click

from renode_mnist.images import ENGINES


@click.command()
@click.option("--model", "models", multiple=True, help="As for `ci measure`.")
@click.option("--engine", "engines", multiple=True, type=click.Choice(ENGINES), default=["m7"])
@click.option("--elf", default="")
def key(models: tuple[str, ...], engines: tuple[str, ...], elf: str) -> None:
    """Print what a CI system keeps its caches by, as NAME=DIGEST.

    builds is all that the images are made from, renode the version and digest of Renode, subject what a baseline is
    of: the models' and engines' names, whatever is in the files.
    """
    given, on = list(models or ([] if elf else ["int8"])), list(dict.fromkeys(engines))
    for name, digest in (("builds", _builds(given, on)), ("renode", _renode()), ("subject", _of([given, on, elf]))):
        click.echo(f"{name}={digest}")


def _builds(models: list[str], engines: list[Any]) -> str:
    from renode_mnist.images import BuildConfig, identity, resolve_model, toolchain

    compiler = next(part.place for part in toolchain.parts() if part.name == toolchain.COMPILER)
    configs = [BuildConfig(resolve_model(model), engine=engine) for model in models for engine in engines]
    return _of([toolchain.version_of(compiler) if compiler else "", [identity(config) for config in configs]])


def _renode() -> str:
    from renode_mnist.renode_install import releases

    return hashlib.sha256(Path(releases.__file__).read_bytes()).hexdigest()[:16]


def _of(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
