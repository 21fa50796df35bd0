"""``renode-mnist init``."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from renode_mnist import paths, version
from renode_mnist.commands import progress_bar, starter
from renode_mnist.commands.options import complete_model
from renode_mnist.commands.output import make_folder, write
from renode_mnist.commands.project_key import FILE
from renode_mnist.commands.starter import Starter
from renode_mnist.errors import EnvironmentProblem, RenodeMnistError
from renode_mnist.images import BuildConfig, committed_models, resolve_model

if TYPE_CHECKING:
    from renode_mnist.codegen.graph import Graph
    from renode_mnist.measure.bench import Row

_DEFAULT_MODEL = "int8"
T = TypeVar("T")
_LOG = logging.getLogger(__name__)


@click.command()
@click.option(
    "--model",
    shell_complete=complete_model,
    help=f"The project's model.  [default: the .tflite file of this folder, else {_DEFAULT_MODEL}]",
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
def init(model: str | None, force: bool) -> None:
    """Begin a project here: its defaults, a Robot suite with golden vectors, budgets and a GitHub workflow.

    What is written passes as it is: `renode-mnist test`, `renode-mnist bench --check`. What could not be made on this
    machine (golden vectors without a yardstick, budgets without a compiler) is left out and named.
    """
    named = _model(model)
    config = BuildConfig(resolve_model(named))
    wanted = (FILE, starter.SUITE, starter.WORKFLOW, starter.VECTORS, starter.BUDGETS)
    there = [name for name in wanted if Path(name).exists()]
    if there and not force:
        raise RenodeMnistError(
            f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} here already",
            "Take another folder, or write over by `renode-mnist init --force`.",
        )
    from renode_mnist import codegen

    graph = codegen.load(config.model)
    codegen.plan(graph, config.engine, codegen.Aim())  # what cannot be built is told before anything is written
    progress_bar.begin(f"asking this PC's yardstick for answers of {named}, building and measuring it")
    with progress_bar.shown() as show:
        show("golden vectors")
        vectors = _tried("golden vectors", lambda: _golden(config, graph))
        show("budgets")
        rows = _tried("budgets", lambda: _measured(named))
    for name in (starter.VECTORS, starter.BUDGETS) if force else ():
        Path(name).unlink(missing_ok=True)
    made = Starter(
        model=named,
        digit=named in committed_models(),
        sums_to_one=_sums_to_one(graph),
        has_vectors=vectors is not None,
        has_budgets=rows is not None,
        container=_container(rows[0]) if rows else "",
        action=_action(),
        from_checkout=paths.is_checkout(),
    )
    if vectors is not None:
        vectors(Path(starter.VECTORS))
        _tell(starter.VECTORS, "the PC's answers to eight seeded inputs")
    if rows is not None:
        from renode_mnist.measure import budget_update

        budget_update.update(Path(starter.BUDGETS), rows)
        _tell(starter.BUDGETS, f"what an inference may cost, by {rows[0].firmware['compiler']}")
    about = {
        FILE: "what every command here takes without being told",
        starter.SUITE: "tests: `renode-mnist test`",
        starter.WORKFLOW: "the same on each pull request",
    }
    for name, text in made.files().items():
        make_folder(Path(name).parent)
        write(Path(name), text)
        _tell(name, about[name])
    if not Path(".gitignore").exists():
        write(Path(".gitignore"), "build/\nrenode-mnist-reports/\n")
        _tell(".gitignore", "what `test` and `ci` write")


def _tell(name: str, about: str) -> None:
    click.echo(f"{name:{len(starter.WORKFLOW)}}  {about}")


def _model(given: str | None) -> str:
    """The model as the project's file names it: as it was given, or the only one of this folder."""
    if given is None:
        files = sorted(path.name for path in Path().glob("*.tflite"))
        if len(files) > 1:
            raise RenodeMnistError(
                f"there are several models here: {', '.join(files)}", f"Name one: --model {files[0]}."
            )
        return files[0] if files else _DEFAULT_MODEL
    if given in committed_models():
        return given
    here = Path.cwd()
    whole = Path(os.path.normpath(here / given))  # not resolved: a link stays the link that others have too
    checkout = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    if whole.exists() and not whole.is_relative_to(checkout):
        raise RenodeMnistError(
            f"{given} is outside {checkout}, and who checks that out has no such file",
            f"Copy it here: `cp {shlex.quote(given)} .`, then name it: --model {shlex.quote(whole.name)}.",
        )
    return Path(os.path.relpath(whole)).as_posix()


def _tried(what: str, make: Callable[[], T]) -> T | None:
    try:
        return make()
    except EnvironmentProblem as problem:
        _LOG.warning("note: no %s: %s", what, problem)
        return None


def _golden(config: BuildConfig, graph: Graph) -> Callable[[Path], object]:
    from renode_mnist.measure.verify_image import golden_vectors
    from renode_mnist.model import golden, inputs, interface

    samples = inputs.seeded(interface.inputs(graph), 8, inputs.SEED)
    made = golden_vectors(config, config.model.read_bytes(), graph, samples)
    return lambda file: golden.write(made, file)


def _measured(model: str) -> list[Row]:
    from renode_mnist.measure import bench

    rows, refused = bench.run(bench.cases((model,), ("m7",), ("time",), ("hard",)), [216])
    if not rows:
        raise EnvironmentProblem(" ".join(bench.told(refused)))
    return rows


def _sums_to_one(graph: Graph) -> bool:
    """Whether the one output comes from a softmax."""
    made_by = [operator.op for operator in graph.operators if set(operator.outputs) & set(graph.outputs)]
    return len(graph.outputs) == 1 and made_by == ["SOFTMAX"]


def _container(row: Row) -> str:
    """The container whose compiler the budgets are of; empty where there is none that is known."""
    from renode_mnist.measure import budgets

    known = budgets.load(paths.root() / starter.BUDGETS).toolchains.values()
    is_known = any(
        each.compiler == row.firmware["compiler"] and each.found_in == starter.CONTAINER_SYSTEM for each in known
    )
    return starter.CONTAINER if is_known else ""


def _action() -> str:
    """The action of this very release; of a checkout the newest, as docs/ci.md has it."""
    place = "OWNER/renode-mnist/.github/actions/test-firmware"
    return f"{place}@main # or, safer, a commit of it" if paths.is_checkout() else f"{place}@v{version.version()}"
