"""Workers as processes of their own over TCP: the same bytes, whoever dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import numpy as np
import psutil
import pytest
from PIL import Image

from dask_cluster import DaskCluster
from renode_mnist import paths
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.images import BuildConfig, resolve_model
from renode_mnist.measure.evaluation import evaluate, job
from renode_mnist.measure.evaluation.evaluate import Progress, Workers
from renode_mnist.measure.evaluation.evaluation import Evaluation
from renode_mnist.model.labelled_files import Where
from renode_mnist.report import evaluation
from renode_mnist.session.target_options import TargetOptions

POISON = 77
COUNT = 60


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(job, "CHUNK_INPUTS", 4)
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(tmp_path / "cache"))


def digit_set(folder: Path, *, poisoned: int | None = None) -> Path:
    digits = [np.asarray(Image.open(paths.digits() / f"{digit}.png").convert("L"), np.uint8) for digit in range(10)]
    images = np.stack([digits[number % 10] for number in range(COUNT)])
    images[:, 27, 27] = np.arange(COUNT)  # no two are the same
    stored = images.astype(np.int16)[..., None] - 128
    if poisoned is not None:
        stored[poisoned, 0, 0] = POISON
    file = folder / "digits.npz"
    np.savez(file, image=stored.astype(np.int8), labels=np.arange(COUNT) % 10)
    return file


def evaluated(data: Path, workers: Workers, **more: Any) -> Evaluation:
    config = BuildConfig(resolve_model("int8"))
    return evaluate.evaluate(config, "embedded", TargetOptions(), Where(data), workers=workers, **more)


def as_json(found: Evaluation) -> str:
    return json.dumps(evaluation.to_json(found))


def printed(text: str) -> dict[str, Any]:
    """What the command prints, without the schema that it begins with."""
    said: dict[str, Any] = json.loads(text)
    assert said.pop("schema") == "renode-mnist/evaluate/1"
    return said


def test_a_worker_is_killed_in_the_middle_and_a_poisonous_input_is_set_aside(tmp_path: Path) -> None:
    healthy, poisonous = tmp_path / "healthy", tmp_path / "poisonous"
    healthy.mkdir()
    poisonous.mkdir()
    data = digit_set(healthy)
    alone = evaluated(data, Workers(1))
    with DaskCluster(tmp_path, workers=2, poison=POISON) as cluster:
        told: list[Progress] = []

        def kill_one(now: Progress) -> None:
            told.append(now)
            if now.done == 12:
                cluster.kill_worker()

        found = evaluated(data, Workers(scheduler=cluster.address), progress=kill_one)
        assert as_json(found) == as_json(alone)
        assert [now.done for now in told if now.count] == [*range(0, COUNT + 1, 4)], "an input was counted twice"
        cluster.wait_for(3)
        assert len(cluster.pids()) == 3, "one worker was killed, and another started"

        found = evaluated(digit_set(poisonous, poisoned=22), Workers(scheduler=cluster.address))
        (aside,) = found.aside
        assert (aside.position, aside.name) == (22, "#22")
        assert "every worker that was given it died" in aside.why
        cluster.wait_for(6)
        assert len(cluster.pids()) == 6, "three workers died of it, and were started again"
    counters = np.delete(alone.answers.counters, 22)
    assert np.delete(found.answers.counters, 22).tolist() == counters.tolist()


def test_a_scheduler_is_lost_and_the_run_goes_on_elsewhere_to_the_same_bytes(tmp_path: Path) -> None:
    data = digit_set(tmp_path)
    whole = as_json(evaluated(data, Workers(1)))
    with DaskCluster(tmp_path, workers=1, nanny=False) as cluster:

        def kill(now: Progress) -> None:
            if now.done == 12:
                cluster.kill_scheduler()

        with pytest.raises(EnvironmentProblem, match=r"scheduler at tcp://.* is lost.*--resume"):
            evaluated(data, Workers(scheduler=cluster.address), progress=kill)
    told: list[Progress] = []
    assert as_json(evaluated(data, Workers(2), resume=True, progress=told.append)) == whole
    assert told[-1].resumed >= 12


def command(data: Path, *options: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """The command in a process of its own, whose environment is what a user sets."""
    python_path = os.pathsep.join(filter(None, (str(paths.package().parent), os.environ.get("PYTHONPATH"))))
    program = "from renode_mnist.measure.evaluation import job; from renode_mnist import cli\n"
    program += "if __name__ == '__main__': job.CHUNK_INPUTS = 4; cli.main()"
    options = ("--target", "embedded", "--data", str(data), "--json", *options)
    return subprocess.Popen(
        [sys.executable, "-c", program, "evaluate", "int8", *options],
        env={**os.environ, **(environment or {}), "PYTHONPATH": python_path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_cluster_behind_tls_serves_who_has_a_certificate_and_nobody_else(tmp_path: Path) -> None:
    data = digit_set(tmp_path)
    with DaskCluster(tmp_path, workers=1, encrypted=True) as cluster:
        assert cluster.address.startswith("tls://")
        scheduler = ("--scheduler", cluster.address)
        answered, told = command(data, *scheduler, environment=cluster.settings).communicate()
        assert printed(answered) == json.loads(as_json(evaluated(data, Workers(1)))), told
        plain = cluster.address.replace("tls://", "tcp://")
        tls = "distributed.comm.tls"
        for address, settings, said in (
            (cluster.address, {}, "asks for a certificate, and none is named"),
            (plain, {}, "no scheduler answers"),
            (plain, {"distributed.comm.require-encryption": True}, "is not encrypted"),
            (cluster.address, {f"{tls}.ca-file": "no.pem", f"{tls}.client.cert": "no.pem"}, "cannot be read"),
        ):
            with dask.config.set(settings), pytest.raises(EnvironmentProblem, match=said):
                evaluated(data, Workers(scheduler=address))


def test_the_command_is_killed_its_workers_end_and_resume_comes_to_the_same_bytes(tmp_path: Path) -> None:
    data = digit_set(tmp_path)
    asking = command(data, "--workers", "2")
    kept = tmp_path / "cache" / "evaluate"
    wait_for(lambda: len(list(kept.rglob("*.npz"))) >= 2)
    workers = psutil.Process(asking.pid).children(recursive=True)
    assert workers
    asking.kill()
    asking.communicate()
    wait_for(lambda: not any(worker.is_running() and worker.status() != "zombie" for worker in workers))
    done = len(list(kept.rglob("*.npz")))
    assert 2 <= done < COUNT / 4, "it was killed in the middle"
    resumed, told = command(data, "--workers", "2", "--resume").communicate()
    assert printed(resumed) == json.loads(as_json(evaluated(data, Workers(1)))), told


def wait_for(there: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not there():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_where_no_scheduler_answers_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="no scheduler answers at nonsense"):
        evaluated(digit_set(tmp_path), Workers(scheduler="nonsense://nowhere"))
