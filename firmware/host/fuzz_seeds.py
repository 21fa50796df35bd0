"""Writes what firmware-fuzz starts from: each kind of input once as it should be, which chance would not find soon.

Usage: fuzz_seeds.py FOLDER. The first byte of an input is its kind (fuzz.cpp).
"""

import sys
from pathlib import Path

import numpy as np

from renode_mnist.wire import frame, messages

AS_IT_COMES, AT_ONCE, PAYLOAD, CONSOLE = range(4)

pixels = np.zeros(784, np.uint8)
reals = np.zeros(784, np.float32)
requests = {
    "stats": messages.encode_get_stats(1),
    "reset": messages.encode_reset(2),
    "pixels": messages.encode_pixels(3, pixels),
    "digit": messages.encode_digit(4, reals),
    "tensor": messages.encode_tensor(5, reals.tobytes()),
    "not finite": messages.encode_digit(6, reals + np.float32("nan")),
    "too few": messages.encode_pixels(7, pixels[:10]),
    "write": messages.encode_write(8, 0, 0, reals.tobytes()),
    "run": messages.encode_run(9),
    "traced run": messages.encode_run(9, [messages.ArenaRegion(0, 0, 4)]),
    "read": messages.encode_read(10, 0, 4, 36),
    "layers": messages.encode_get_layers(11, 1),
    "reset state": messages.encode_reset_state(12),
    "check image": messages.encode_check_image(13),
}
seeds = {f"payload {name}": bytes([PAYLOAD]) + request for name, request in requests.items()}
for name, request in requests.items():
    seeds[f"frame {name}"] = bytes([AS_IT_COMES]) + frame.encode(request)
    seeds[f"two {name}"] = bytes([AT_ONCE]) + frame.encode(request) * 2
by_pieces = [requests["write"], requests["run"], requests["read"]]
seeds["an inference by pieces"] = bytes([AS_IT_COMES]) + b"".join(map(frame.encode, by_pieces))
seeds["too long"] = bytes([AS_IT_COMES]) + b"\x01" * 5000 + b"\0"
seeds["console"] = bytes([CONSOLE]) + b"CMD=1\nCMD=2\r\nHELP\n\n" + b"x" * 100 + b"\n"

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, seed in seeds.items():
    (folder / name).write_bytes(seed)
