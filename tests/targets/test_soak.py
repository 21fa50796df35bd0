"""An hour of virtual time with an inference now and then: the same answer at the same cost, and nothing grows."""

from __future__ import annotations

import pytest

from renode_mnist.images import BuildConfig, build, resolve_model
from renode_mnist.session.opening import open_session
from renode_mnist.targets.embedded import EmbeddedTarget

HOUR_SECONDS = 3600
PAUSE_SECONDS = 97.3
CYCCNT = 0xE000_1004


@pytest.mark.long
def test_an_hour() -> None:
    image = build(BuildConfig(resolve_model("int8"), watchdog_ms=1000)).elf
    with open_session("embedded", image) as session:
        target = session.target
        assert isinstance(target, EmbeddedTarget)
        client, machine = session.client, target.machine
        first = client.infer(bytes(784))
        client.infer(bytes(784))
        used, blocks = client.stats().stack_used_bytes, len(machine.block_counts())
        begun = target.now()
        delays = set()
        wraps = asked = 0
        while target.now() - begun < HOUR_SECONDS:
            target.run_for(PAUSE_SECONDS)
            if asked % 3 == 0:  # awake, it wraps each 19.9 s; it stands still in sleep, so it is led there
                target.write_memory(CYCCNT, (2**32 - first.counter // 2).to_bytes(4, "little"))
            client.write([bytes(784)])
            asked_at, before = target.now(), int.from_bytes(target.read_memory(CYCCNT, 4), "little")
            answer = client.run()
            delays.add(target.now() - asked_at)
            wraps += int.from_bytes(target.read_memory(CYCCNT, 4), "little") < before
            assert (answer.tensors, answer.counter) == (first.tensors, first.counter)
            assert [layer.counter for layer in answer.layers] == [layer.counter for layer in first.layers]
            asked += 1
        assert (asked, wraps) == (37, 13)
        assert max(delays) - min(delays) < 0.001, "the millisecond in which a request is looked for"
        assert client.stats().stack_used_bytes == used
        assert len(machine.block_counts()) <= blocks + 40, "what only a wait brings"
        assert machine.resets == 0
        assert client.check_image().whole
        assert "repeated" not in target.log()
