"""What the page may choose between: targets, models and engines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from renode_mnist import build as building
from renode_mnist.build import BuildConfig, Engine
from renode_mnist.errors import RenodeMnistError
from renode_mnist.session import opening
from renode_mnist.session.target_options import TargetOptions


class NotOffered(RenodeMnistError):
    """A choice that the page was not offered."""


@dataclass(frozen=True)
class Choice:
    """One target and the firmware on it.

    Attributes:
        target: One of ``opening.TARGETS``.
        model: Name of a committed model, or a file.
        engine: What computes it.
    """

    target: str
    model: str
    engine: Engine


@dataclass(frozen=True)
class Job:
    """All that it takes to open a session on a choice.

    Attributes:
        target: One of ``opening.TARGETS``.
        config: The firmware to build where it is not built yet.
        elf: Run this instead.
        options: Of the target.
    """

    target: str
    config: BuildConfig
    elf: Path | None
    options: TargetOptions


@dataclass(frozen=True)
class Offers:
    """What the page offers, and the settings of the command line that stay as they are.

    Attributes:
        first: The choice of the command line.
        config: Its image: clock, board, objective and FPU hold for every choice.
        elf: Where set, the only firmware.
        options: Of the target.
    """

    first: Choice
    config: BuildConfig
    elf: Path | None
    options: TargetOptions

    def targets(self) -> list[str]:
        """Those of this machine and that of the command line; with an ELF those that can run it."""
        board = ["board"] if self.options.port is not None else []
        names = dict.fromkeys([*opening.available(), *board, self.first.target])
        machine = opening.machine_of(self.first.target)
        return [name for name in names if self.elf is None or opening.machine_of(name) == machine]

    def models(self) -> list[str]:
        """The committed models, that of the command line, and others that are built with its settings."""
        names = [*building.committed_models(), *(str(config.model) for config in self._built()), self.first.model]
        # One name a file: the command line's where it has one, else the shorter.
        by_file: dict[Path, str] = {}
        for name in names:
            by_file.setdefault(building.resolve_model(name).resolve(), name)
        by_file[building.resolve_model(self.first.model).resolve()] = self.first.model
        return list(by_file.values())

    def to_json(self) -> dict[str, Any]:
        """For the page; ``built`` has machine, model and engine of what need not be built first."""
        targets = [{"name": name, "machine": opening.machine_of(name)} for name in self.targets()]
        if self.elf is not None:
            return {"targets": targets, "elf": self.elf.name, "models": [], "engines": [], "built": []}
        models = self.models()
        files = {model: building.resolve_model(model).resolve() for model in models}
        built = {(config.machine, config.model.resolve(), config.engine) for config in self._built()}
        return {
            "targets": targets,
            "elf": None,
            "models": models,
            "engines": list(building.ENGINES),
            "built": [
                [machine, model, engine]
                for machine, file, engine in sorted(built)
                for model in models
                if files[model] == file
            ],
        }

    def choose(self, asked: object) -> Choice:
        """The choice that a page asked for.

        Raises:
            NotOffered: It is none, or not among those offered.
        """
        names = ("target", "model", "engine")
        if not isinstance(asked, dict) or not all(isinstance(asked.get(name), str) for name in names):
            raise NotOffered("a choice has a target, a model and an engine", "Reload the page.")
        choice = Choice(asked["target"], asked["model"], cast(Engine, asked["engine"]))
        if choice.target not in self.targets():
            raise NotOffered(f"the target {choice.target} is not on offer", "Reload the page.")
        if self.elf is not None:
            return replace(self.first, target=choice.target)
        if choice.model not in self.models():
            raise NotOffered(f"the model {choice.model} is not on offer", "Reload the page.")
        if choice.engine not in building.ENGINES:
            raise NotOffered(f"the engine {choice.engine} is not on offer", "Reload the page.")
        return choice

    def job(self, choice: Choice) -> Job:
        """What to run for a choice that ``choose`` has returned."""
        machine = opening.machine_of(choice.target)
        config = replace(self.config, machine=machine)
        if self.elf is None:
            config = replace(config, model=building.resolve_model(choice.model), engine=choice.engine)
        return Job(choice.target, config, self.elf, self.options)

    def _built(self) -> list[BuildConfig]:
        def fits(config: BuildConfig) -> bool:
            same = replace(self.config, machine=config.machine, model=config.model, engine=config.engine)
            if config.engine != "m7":
                same = replace(same, objective=config.objective)
            return config.name == same.name

        return [config for config in building.built() if fits(config)]
