"""What the page may choose between: targets, models and engines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from renode_mnist import images
from renode_mnist.errors import RenodeMnistError
from renode_mnist.images import BuildConfig, ImageOptions
from renode_mnist.option import Face, Option, options_of
from renode_mnist.session import opening
from renode_mnist.session.target_options import TargetOptions


class NotOffered(RenodeMnistError):
    """A choice that the page was not offered."""


@dataclass(frozen=True)
class Choice:
    """One target and the firmware on it.

    Attributes:
        target: One of ``target_options.TARGETS``.
        image: What is asked of the firmware; the page switches those options that `switched` names.
    """

    target: str
    image: ImageOptions

    def to_json(self) -> dict[str, str]:
        """What the page shows as chosen, each by its name."""
        return {"target": self.target, **_switches(self.image, self.image)}


def switched(image: ImageOptions) -> tuple[Option, ...]:
    """The options of an image that the page has a list for; the others hold for all that it offers."""
    return options_of(type(image), Face.PAGE)


def _switches(form: ImageOptions, values: ImageOptions) -> dict[str, str]:
    return {each.name: str(getattr(values, each.name)) for each in switched(form)}


@dataclass(frozen=True)
class Job:
    """All that it takes to open a session on a choice.

    Attributes:
        target: One of ``target_options.TARGETS``.
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
        first: The choice of the command line; what the page does not switch holds for every choice.
        elf: Where set, the only firmware.
        options: Of the target.
    """

    first: Choice
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
        first = str(self.first.image.model)
        names = [*images.committed_models(), *(str(config.model) for config in self._built()), first]
        # One name a file: the command line's where it has one, else the shorter.
        by_file: dict[Path, str] = {}
        for name in names:
            by_file.setdefault(images.resolve_model(name).resolve(), name)
        by_file[images.resolve_model(first).resolve()] = first
        return list(by_file.values())

    def choices(self) -> dict[str, list[str]]:
        """What may be chosen of an image, by option; with an ELF nothing."""
        if self.elf is not None:
            return {}
        return {
            each.name: self.models() if each.name == "model" else [str(choice) for choice in each.choices]
            for each in switched(self.first.image)
        }

    def to_json(self) -> dict[str, Any]:
        """For the page; ``built`` has the machine and the choice of what need not be built first."""
        choices = self.choices()
        files = {model: images.resolve_model(model).resolve() for model in choices.get("model", ())}
        built = [] if self.elf is not None else self._built()
        return {
            "targets": [{"name": name, "machine": opening.machine_of(name)} for name in self.targets()],
            "elf": None if self.elf is None else self.elf.name,
            "choices": choices,
            "built": [
                {**_switches(self.first.image, config), "machine": config.machine, "model": model}
                for config in built
                for model, file in files.items()
                if file == config.model.resolve()
            ],
        }

    def choose(self, asked: object) -> Choice:
        """The choice that a page asked for.

        Raises:
            NotOffered: It is none, or not among those offered.
        """
        options = switched(self.first.image)
        names = ("target", *(each.name for each in options))
        if not isinstance(asked, dict) or not all(isinstance(asked.get(name), str) for name in names):
            raise NotOffered(f"a choice has {', '.join(names)}", "Reload the page.")
        for name, offered in {"target": self.targets(), **self.choices()}.items():
            if asked[name] not in offered:
                raise NotOffered(f"the {name.replace('_', ' ')} {asked[name]} is not on offer", "Reload the page.")
        if self.elf is not None:
            return replace(self.first, target=asked["target"])
        image = replace(self.first.image, **{each.name: each.value(asked[each.name]) for each in options})
        if image.engine != "m7":  # what the command line asked of m7
            image = replace(image, objective=ImageOptions.objective)
        return Choice(asked["target"], image)

    def job(self, choice: Choice) -> Job:
        """What to run for a choice that ``choose`` has returned."""
        config = BuildConfig.of(choice.image, opening.machine_of(choice.target))
        return Job(choice.target, config, self.elf, self.options)

    def _built(self) -> list[BuildConfig]:
        """What is built and differs from the command line's image only in what the page switches."""
        asked = self.first.image
        stays = [each.name for each in options_of(type(asked)) if each not in switched(asked)]

        def fits(config: BuildConfig) -> bool:
            # Another engine than m7 has no objective, and a program for this PC neither board nor clock nor FPU.
            same = replace(config, definitions=(), **{name: getattr(asked, name) for name in stays})
            return config.name == same.name

        return [config for config in images.built() if fits(config)]
