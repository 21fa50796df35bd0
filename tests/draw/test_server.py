"""The server of ``renode-mnist draw`` without a browser: who may ask, how much, and what a broken target does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from damaged import exif_damaged
from draw_server import DrawServer, children, draw_server, is_alive
from renode_mnist import images, paths
from renode_mnist.codegen import builtin_digit
from renode_mnist.draw.app import JSON_BYTES, PICTURE_BYTES
from renode_mnist.images import BuildConfig, resolve_model

SEVEN = (paths.digits() / "7.png").read_bytes()
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server() -> Iterator[DrawServer]:
    with draw_server() as running:
        yield running


@pytest.fixture(scope="module")
def seven(server: DrawServer) -> dict[str, str]:
    return {"pixels": server.post_picture(SEVEN).value["pixels"]}


def test_a_picture_is_seen_as_run_sees_it_and_classified(server: DrawServer) -> None:
    seen = server.post_picture(SEVEN).value
    assert bytes.fromhex(seen["pixels"]) == np.asarray(Image.open(paths.digits() / "7.png")).tobytes()
    assert seen["description"] == "28x28, already as MNIST's"
    record = server.post("/api/classify", {"pixels": seen["pixels"]}).value
    assert record["class"] == 7
    assert record["counter_heading"] == "instructions"
    assert record["counter"] >= sum(layer["counter"] for layer in record["layers"]) > 0
    assert server.post("/api/classify", {"pixels": seen["pixels"]}).value == record


def test_a_closer_look_has_tensors_and_the_other_count(server: DrawServer, seven: dict[str, str]) -> None:
    looked = server.post("/api/look", seven).value
    assert looked["counts"]["counter_heading"] == "cycles (modelled)"
    record = server.post("/api/classify", seven).value
    assert [map["op"] for map in looked["maps"]] == [layer["op"] for layer in record["layers"]]
    last = looked["maps"][-1]
    assert (last["shape"], last["height"], last["width"], last["count"], last["shown"]) == ("10", 1, 10, 1, 1)
    assert bytes.fromhex(last["pixels"]).index(255) == 7
    assert last["high"] == pytest.approx(record["scores"][7])


def test_what_is_no_picture_for_a_look_is_refused(server: DrawServer) -> None:
    assert server.post("/api/look", {"pixels": "00"}).status == 400


def test_of_a_file_neither_plan_nor_model_is_known(seven: dict[str, str]) -> None:
    elf = images.build(BuildConfig(resolve_model("int8"))).elf
    with draw_server("--elf", elf) as server:
        looked = server.post("/api/look", seven).value
        assert (looked["maps"], looked["counts"]) == ([], None)
        assert "given as a file" in looked["how"]
        for kind in ("npy", "golden"):
            refused = server.post(f"/api/export/{kind}", seven)
            assert refused.status == 422
            assert refused.value["error"].endswith("Leave --elf out.")


def test_an_image_that_sends_its_tensors_shows_them_on_another_target(seven: dict[str, str]) -> None:
    with draw_server("--engine", "reference", "--trace", target="host") as server:
        looked = server.post("/api/look", seven).value
    assert "sent at the layer marks" in looked["how"].lower()
    assert looked["counts"] is None
    assert bytes.fromhex(looked["maps"][-1]["pixels"]).index(255) == 7


def test_modelled_cycles_are_told_with_the_instructions_beside_them(seven: dict[str, str]) -> None:
    with draw_server("--clock-model", "m7") as server:
        assert server.post("/api/classify", seven).value["counter_heading"] == "cycles (modelled)"
        assert server.post("/api/look", seven).value["counts"]["counter_heading"] == "instructions"


def test_the_header_is_what_codegen_writes(server: DrawServer, seven: dict[str, str]) -> None:
    pixels = np.frombuffer(bytes.fromhex(seven["pixels"]), np.uint8).reshape(28, 28)
    header = server.post("/api/export/header", seven).content.decode()
    assert header == builtin_digit.emit(pixels, "a drawing (`renode-mnist draw`)")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "digits.example:80"},  # a name of a stranger's that he has bound to 127.0.0.1
        {"host": "127.0.0.1:1"},
        {"origin": "http://digits.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},  # another port of this machine
    ],
)
def test_other_origins_are_refused(server: DrawServer, seven: dict[str, str], headers: dict[str, str]) -> None:
    before = server.wait_for("ready")
    for path in ("/", "/main.js", "/api/offers", "/api/events"):
        assert server.get(path, **headers).status == 403
    for path, value in [("/api/classify", seven), ("/api/retry", {}), ("/api/choose", before["choice"])]:
        refused = server.post(path, value, **headers)
        assert refused.status == 403
        assert "Refused" in refused.value["error"]
    assert next(server.states())["opened"] == before["opened"]


def test_a_link_elsewhere_may_lead_to_the_page_and_no_further(server: DrawServer) -> None:
    followed = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert server.get("/", **followed).status == 200
    assert server.get("/", **followed | {"sec_fetch_dest": "iframe"}).status == 403
    assert server.get("/api/offers", **followed).status == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_page_itself_is_served(server: DrawServer, name: str) -> None:
    own = {"host": f"{name}:{server.port}", "origin": f"http://{name}:{server.port}", "sec_fetch_site": "same-origin"}
    assert server.get("/api/offers", **own).status == 200


def test_every_response_carries_the_policy_and_the_page_keeps_to_it(server: DrawServer) -> None:
    for path in ("/", "/style.css", "/api/offers", "/nothing"):
        policy = server.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
    for file in paths.draw_page().iterdir():
        text = file.read_text()
        assert "https://" not in text
        assert text.count("http://") == text.count('xmlns="http://www.w3.org/2000/svg"')
    page = (paths.draw_page() / "index.html").read_text()
    assert page.count("<script") == page.count('<script type="module" src=')
    assert "style=" not in page
    assert "<style" not in page


def test_it_listens_on_the_loopback_address_alone(server: DrawServer) -> None:
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) == server.port
    ]
    assert listening == [f"0100007F:{server.port:04X}"]


def test_what_is_too_large_is_refused(server: DrawServer) -> None:
    refused = server.begin("POST", "/api/preprocess", headers={
        "Content-Type": "image/png", "Content-Length": str(PICTURE_BYTES + 1),
    })  # fmt: skip
    reply = server.finish(refused)
    assert reply.status == 413
    assert f"at most {PICTURE_BYTES:,} bytes" in reply.value["error"]
    reply = server.post("/api/classify", {"pixels": "0" * JSON_BYTES})
    assert reply.status == 413
    assert f"at most {JSON_BYTES:,} bytes" in reply.value["error"]


def test_connections_that_ask_for_nothing_shut_nobody_out(server: DrawServer) -> None:
    with ExitStack() as opened:
        silent = [opened.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(70)]
        silent[0].sendall(b"GET / HTTP/1.1\r\nHost: ")  # and no more
        ends = [connection.recv(4096) for connection in silent]  # the server's end, or this waits for ever
    assert not any(ends[1:])
    assert server.get("/api/offers").status == 200


def test_a_picture_whose_exif_chunk_is_damaged_is_a_picture(server: DrawServer) -> None:
    reply = server.finish(server.begin("POST", "/api/preprocess", exif_damaged(), {"Content-Type": "image/png"}))
    assert reply.status == 200
    assert len(bytes.fromhex(reply.value["pixels"])) == 784


def test_what_grows_too_large_without_saying_so_is_refused(server: DrawServer) -> None:
    chunks = iter([b'{"pixels": "', *[b"0" * 1024] * (JSON_BYTES // 1024), b'"}'])
    assert server.finish(server.begin("POST", "/api/classify", chunks, JSON)).status == 413


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"{}", 415),  # what a form on another site may send without asking
        ("application/x-www-form-urlencoded", b"pixels=00", 415),
        ("application/json", b"", 400),
        ("application/json", b"[" * 4000, 400),
        ("application/json", b"\xff", 400),
        ("application/json", b"[]", 400),
        ("application/json", b"{}", 400),
        ("application/json", b'{"pixels": 5}', 400),
        ("application/json", b'{"pixels": "00"}', 400),
        ("application/json", b'{"pixels": "' + b"zz" * 784 + b'"}', 400),
    ],
)
def test_bodies_that_are_none_are_refused(server: DrawServer, kind: str, body: bytes, status: int) -> None:
    reply = server.finish(server.begin("POST", "/api/classify", body, {"Content-Type": kind}))
    assert reply.status == status
    assert reply.value["error"]


@pytest.mark.parametrize(
    ("kind", "body", "status", "said"),
    [
        ("image/svg+xml", b"<svg/>", 415, "image/png"),
        ("image/png", b"", 422, "empty"),
        ("image/png", b"no picture", 422, "no picture"),
        ("image/png", SEVEN[:90], 422, "the picture"),
    ],
)
def test_pictures_that_are_none_are_refused(
    server: DrawServer, kind: str, body: bytes, status: int, said: str
) -> None:
    reply = server.post_picture(body, kind)
    assert reply.status == status
    assert said in reply.value["error"]


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"target": "embedded", "model": "int8", "engine": 7},
        {"target": "board", "model": "int8", "engine": "m7"},
        {"target": "embedded", "model": "/etc/passwd", "engine": "m7"},
        {"target": "embedded", "model": "int8", "engine": "m8"},
    ],
)
def test_what_is_not_offered_cannot_be_chosen(server: DrawServer, choice: dict[str, object]) -> None:
    assert server.post("/api/choose", choice).status == 422


def test_only_what_is_there_is_served(server: DrawServer) -> None:
    assert server.get("/nothing").status == 404
    assert server.get("/../app.py").status == 404
    assert server.get("/%2e%2e/app.py").status == 404
    assert server.get("/api/retry").status == 404


def test_a_model_of_ones_own_is_offered_by_its_name_beside_the_committed_ones(tmp_path: Path) -> None:
    own = tmp_path / "own.tflite"
    own.write_bytes((paths.models() / "mnist_int8.tflite").read_bytes())
    with draw_server("--model", own) as server:
        models = server.get("/api/offers").value["choices"]["model"]
        assert models[:5] == ["float32", "int8", "qat", "size", "uint8"]
        assert models[5:].count(str(own)) == 1
    with draw_server("--model", paths.models() / "mnist_int8.tflite") as server:
        models = server.get("/api/offers").value["choices"]["model"]
        assert models[:5] == ["float32", str(paths.models() / "mnist_int8.tflite"), "qat", "size", "uint8"]


def test_a_choice_that_cannot_be_built_fails_with_its_reason_and_the_way_back(seven: dict[str, str]) -> None:
    with draw_server() as server:
        assert (
            server.post("/api/choose", {"target": "embedded", "model": "float32", "engine": "cmsis-nn"}).status == 204
        )
        failed = server.wait_for("failed")
        assert "cmsis-nn" in failed["error"]
        refused = server.post("/api/classify", seven)
        assert (refused.status, refused.value["error"]) == (503, failed["error"])
        assert server.post("/api/choose", {"target": "embedded", "model": "int8", "engine": "m7"}).status == 204
        assert server.post("/api/classify", seven).value["class"] == 7


def test_what_this_machine_cannot_build_is_told_on_the_page_and_in_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    with draw_server() as server:
        told = server.wait_for("failed")["error"]
    assert told.startswith("building this image takes arm-none-eabi-gcc")
    assert f"error: {told}" in capfd.readouterr().err


# The program for this PC can be stopped, and killed, as no emulator inside the worker can.


@pytest.fixture
def host_server(host_program: Path) -> Iterator[DrawServer]:
    with draw_server("--engine", "reference", "--deadline", "3600", target="host") as running:
        yield running


def program_of(server: DrawServer) -> int:
    (pid,) = children(server.worker())
    return pid


def test_of_those_that_wait_for_a_busy_target_the_newest_is_answered(
    host_server: DrawServer, seven: dict[str, str]
) -> None:
    host_server.wait_for("ready")
    program = program_of(host_server)
    os.kill(program, signal.SIGSTOP)
    first = host_server.begin_post("/api/classify", seven)
    host_server.wait_for("busy")
    second = host_server.begin_post("/api/classify", seven)
    third = host_server.begin_post("/api/classify", seven)
    overtaken = host_server.finish(second)
    os.kill(program, signal.SIGCONT)
    assert overtaken.status == 204
    assert host_server.finish(first).value["class"] == 7
    assert host_server.finish(third).value["class"] == 7


def test_a_target_that_dies_is_told_and_comes_back_when_asked(host_server: DrawServer, seven: dict[str, str]) -> None:
    opened = host_server.wait_for("ready")["opened"]
    os.kill(program_of(host_server), signal.SIGKILL)
    failed = host_server.post("/api/classify", seven)
    assert failed.status == 503
    assert "lost the program" in failed.value["error"]
    assert host_server.wait_for("failed")["session"] is None
    assert host_server.post("/api/retry", {}).status == 204
    assert host_server.post("/api/classify", seven).value["class"] == 7
    assert host_server.wait_for("ready", "busy")["opened"] == opened + 1


def test_a_worker_that_dies_idle_is_told(host_server: DrawServer) -> None:
    host_server.wait_for("ready")
    program = program_of(host_server)
    os.kill(host_server.worker(), signal.SIGKILL)
    assert "ended by itself with status -9" in host_server.wait_for("failed")["error"]
    host_server.post("/api/retry", {})
    host_server.wait_for("ready")
    assert not is_alive(program)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_though_the_target_hangs_and_a_page_is_open(
    host_server: DrawServer, seven: dict[str, str], number: int
) -> None:
    host_server.wait_for("ready")
    worker, program = host_server.worker(), program_of(host_server)
    os.kill(program, signal.SIGSTOP)
    states = host_server.states()
    assert next(states)["state"] == "ready"
    asked = host_server.begin_post("/api/classify", seven)
    assert next(states)["state"] == "busy"
    host_server.process.send_signal(number)
    assert host_server.process.wait(60) == 0
    assert not is_alive(worker)
    assert not is_alive(program)
    asked.close()


def refused(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from renode_mnist.cli import main; main()", "draw", "--no-browser", *arguments],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused("--target", "embedded", "--http-port", port)
    assert f"127.0.0.1:{port}: Address already in use" in said
    assert "--http-port" in said


def test_a_model_that_is_not_there_is_an_error() -> None:
    assert "float32, int8" in refused("--target", "embedded", "--model", "int4")
