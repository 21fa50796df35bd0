"""The files of a project that begins: its defaults, a suite, a workflow. Text alone; `init` decides what is true."""

from __future__ import annotations

from dataclasses import dataclass

from renode_mnist import remedies
from renode_mnist.commands.project_key import FILE

SUITE = "firmware.robot"
VECTORS = "golden.npz"
BUDGETS = "budgets.toml"
WORKFLOW = ".github/workflows/firmware.yml"
CONTAINER_SYSTEM = "Debian 12"
CONTAINER = "debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171"
"""That system, as this project's own workflows take it."""


@dataclass(frozen=True)
class Starter:
    """What is known of the model when its files are written.

    Attributes:
        model: As ``--model`` takes it from the project's folder: a file or a committed model's name.
        digit: Whether it is one of the committed models, of which the answer to a digit is known.
        sums_to_one: Whether its one output is made by a softmax.
        has_vectors: Whether the PC's answers could be written.
        has_budgets: Whether its cost could be measured.
        container: What the job of the workflow runs in, so that its compiler is that of the budgets; empty: nothing.
        action: The action with the revision that is asked for.
        from_checkout: Whether it installs this package from its sources: there is no release.
    """

    model: str
    digit: bool
    sums_to_one: bool
    has_vectors: bool
    has_budgets: bool
    container: str
    action: str
    from_checkout: bool

    @property
    def is_file(self) -> bool:
        """Whether the model is a file of the project."""
        return self.model.endswith(".tflite")

    def files(self) -> dict[str, str]:
        """What to write, by path."""
        return {FILE: self._defaults(), SUITE: self._suite(), WORKFLOW: self._workflow()}

    def _defaults(self) -> str:
        lines = [
            "# What renode-mnist takes in this project where its command line says nothing else.",
            f'model = "{_quoted(self.model)}"',
            'target = "embedded" # renode, board or host run the same tests',
            "",
            "[test]",
            f'suite = "{SUITE}"',
        ]
        if self.has_budgets:
            lines += ["", "[bench]", 'engines = "m7"', f'budgets = "{BUDGETS}"']
        return "\n".join(lines) + "\n"

    def _suite(self) -> str:
        cases = [
            "The Same Input Gives The Same Answer",
            "    Reset State",
            "    ${first} =    Infer    seed=1",
            "    Reset State",
            "    Infer    seed=1",
            "    Output Should Equal    ${first}",
        ]
        if self.sums_to_one:
            cases += ["    Scores Should Sum To One"]
        if self.has_vectors:
            cases += ["", "It Answers As The PC Does", f"    Golden Vectors Should Match    ${{CURDIR}}/{VECTORS}"]
        if self.digit:
            cases += ["", "A Seven Is Recognised", "    Classify Digit    7", "    Class Should Be    7"]
        name = self.model.rpartition("/")[2]
        return "\n".join(
            [
                "*** Settings ***",
                f"Documentation     What the network {name} must do, wherever it runs: renode-mnist test",
                "Library           renode_mnist.robot",
                "Suite Setup       Open Target",
                "Suite Teardown    Close Target",
                "",
                "",
                "*** Test Cases ***",
                *cases,
                "",
            ]
        )

    def _workflow(self) -> str:
        container = f"    container: {self.container} # the compiler of {BUDGETS}\n" if self.container else ""
        packages = f"      - run: {remedies.container_step()}\n" if self.container else ""
        version = "          version: checkout # until there is a release\n" if self.from_checkout else ""
        judged = f"          budgets: {BUDGETS}\n" if self.container else ""
        return f"""\
name: Firmware

on:
  push: {{ branches: [main] }} # what pull requests are held against
  pull_request:

permissions: {{}}

concurrency:
  group: firmware-${{{{ github.ref }}}}
  cancel-in-progress: true

jobs:
  firmware:
    name: firmware
    runs-on: ubuntu-24.04
{container}    timeout-minutes: 30
    permissions:
      contents: read
      pull-requests: write # the comment
    steps:
{packages}      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - uses: {self.action}
        with:
{version}          models: {_scalar(self.model)}
          suites: identity protocol {SUITE}
{judged}"""


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _scalar(text: str) -> str:
    """A string of YAML, quoted where it may be taken for something else."""
    plain = all(letter.isalnum() or letter in "._/-" for letter in text) and text[0].isalnum()
    return text if plain else "'" + text.replace("'", "''") + "'"
