"""What images take, to the byte, in the place of what plans let expect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

from renode_mnist.build import BuildConfig, Engine, Image, Objective, build, ready
from renode_mnist.errors import BuildError, ModelError
from renode_mnist.model.inspect import EngineFacts, ModelFacts
from renode_mnist.program.footprint import footprint


def with_images(facts: ModelFacts, model: Path, objective: Objective, *, compiling: bool = False) -> ModelFacts:
    """The facts with what the linker placed, where there is an image for the board and the clock taken by default.

    Args:
        facts: Of the model.
        model: Its file.
        objective: Of engine ``m7``.
        compiling: Whether an image that is not there is built, or is not looked for further.

    Raises:
        EnvironmentProblem: A compiler is needed and missing.
    """
    engines = (_with_image(engine, model, objective, compiling=compiling) for engine in facts.engines)
    return replace(facts, engines=tuple(engines))


def _with_image(engine: EngineFacts, model: Path, objective: Objective, *, compiling: bool) -> EngineFacts:
    if engine.refusal:
        return engine
    config = BuildConfig(model, engine=cast("Engine", engine.engine), objective=objective)
    image: Image | None
    try:
        image = build(config) if compiling else ready(config)
    except ModelError as error:
        return replace(engine, refusal=str(error))
    except BuildError as error:
        return replace(engine, no_image=str(error))
    return replace(engine, image=footprint(image.elf)) if image is not None else engine
