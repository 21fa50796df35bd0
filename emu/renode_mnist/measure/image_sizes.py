"""What images take, to the byte, in the place of what plans let expect."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from renode_mnist import codegen
from renode_mnist.errors import BuildError, ModelError, SourcesMissing
from renode_mnist.images import BuildConfig, Engine, Image, build, excess, fitting, ready
from renode_mnist.model.inspect import EngineFacts, ModelFacts, inspect
from renode_mnist.program.footprint import footprint


def examined(asked: BuildConfig, *, compiling: bool = False) -> ModelFacts:
    """The facts of a model, with what the linker placed where there is an image.

    Args:
        asked: What is wanted of an image; the engine is each in turn.
        compiling: Whether an image that is not there is built, or is not looked for further.

    Raises:
        EnvironmentProblem: A compiler is needed and missing.
        ModelError: The file is no model.
    """
    facts = _with_images(asked, compiling=compiling)
    if not compiling:
        return facts
    # An image that came out too large has been planned anew: once more, with the plans that were built.
    again = zip(facts.engines, _with_images(asked, compiling=False).engines, strict=True)
    return replace(facts, engines=tuple(one if one.refusal or one.no_image else other for one, other in again))


def _with_images(asked: BuildConfig, *, compiling: bool) -> ModelFacts:
    def excess_of(engine: str) -> fitting.Excess:
        return excess(replace(asked, engine=cast("Engine", engine)))

    limits = fitting.Limits.of(asked.max_flash, asked.max_ram)
    facts = inspect(asked.model, codegen.Objective(asked.objective), limits, excess_of)
    engines = (_with_image(engine, asked, compiling=compiling) for engine in facts.engines)
    return replace(facts, engines=tuple(engines))


def _with_image(engine: EngineFacts, asked: BuildConfig, *, compiling: bool) -> EngineFacts:
    if engine.refusal:
        return engine
    config = replace(asked, engine=cast("Engine", engine.engine))
    image: Image | None
    try:
        image = build(config) if compiling else ready(config)
    except ModelError as error:
        return replace(engine, refusal=str(error))
    except (BuildError, SourcesMissing) as error:
        return replace(engine, no_image=str(error))
    return replace(engine, image=footprint(image.elf)) if image is not None else engine
