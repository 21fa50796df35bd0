"""The page beside Robot's report: figures of each test, the line of those that failed, and nothing that is loaded."""

from __future__ import annotations

import re
from pathlib import Path

from renode_mnist.report import suites_page
from renode_mnist.session import evidence
from renode_mnist.session.evidence import Cost, Evidence, Frame, Step
from renode_mnist.suites.report import Verdict
from renode_mnist.wire import frame, messages

COST = Cost(
    "7.png", 7, 0.99609375, "instructions", "ms at 1 cycle each",
    (Step("CONV_2D", 194688, 359342, 1.663620), Step("around the layers", 0, 19, 0.000088)),
    Step("total", 194688, 359361, 1.663708),
)  # fmt: skip
VERDICTS = [
    Verdict(("Sums", "Right"), "PASS", "", "s1-s1-t1"),
    Verdict(("Sums", "<Wrong> & more"), "FAIL", "class is 7, expected <3>", "s1-s1-t2"),
    Verdict(("Sums", "Never Opened"), "FAIL", "Parent suite setup failed", "s1-s1-t3"),
    Verdict(("Line", "Left Out"), "SKIP", "no console", "s1-s2-t1"),
]
FRAMES = (
    Frame.of("sent", frame.encode(messages.encode_write(3, 0, 16, b"abcd")), 0.25),
    Frame.of("received", b"\x05abc\0", 0.5),
    Frame.of("reset", b"", 0.75),
)
KEPT = {
    VERDICTS[0].test: Evidence(VERDICTS[0].test, 2, COST),
    VERDICTS[1].test: Evidence(
        VERDICTS[1].test, 1, COST, FRAMES, left_out=7, unfinished="05 61", target="UART <overrun>"
    ),
    VERDICTS[3].test: Evidence(VERDICTS[3].test, 0, None),
}


def test_evidence_is_read_as_it_was_written(tmp_path: Path) -> None:
    for each in KEPT.values():
        each.append_to(tmp_path / "1.jsonl")
    again = Evidence(VERDICTS[0].test, 3, None)
    again.append_to(tmp_path / "2.jsonl")
    with (tmp_path / "2.jsonl").open("a") as cut_off:
        cut_off.write('{"test": ["Sums')
    found = evidence.read([tmp_path / "1.jsonl", tmp_path / "2.jsonl"])
    assert found == {**KEPT, VERDICTS[0].test: again}


def test_the_page_has_each_tests_figures_and_the_line_of_what_failed() -> None:
    page = suites_page.render("embedded m7 a.tflite", "4 tests", [("Target", "embedded <1>")], VERDICTS, KEPT)
    details = re.findall(r'<details id="([^"]*)"( open)?>(.*?)</details>', page, re.S)
    assert [(anchor, is_open) for anchor, is_open, _ in details] == [
        ("sums-right", ""),
        ("sums-wrong-more", " open"),
        ("sums-never-opened", " open"),
        ("line-left-out", ""),
    ]
    right, wrong, never, left_out = (
        re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip() for _, _, text in details
    )
    figures = "class 7, 359,361 instructions, 1.664 ms at 1 cycle each"
    table = (
        "layer MACs instructions ms at 1 cycle each CONV_2D 194,688 359,342 1.664 around the layers 19 0.000 "
        "total 194,688 359,361 1.664"
    )
    last = "The last of 2 inferences: 7.png, class 7, score 0.9961"
    assert right == f"PASS Right {figures} Its keywords in the log {last} {table}"
    assert wrong == (
        f"FAIL &lt;Wrong&gt; &amp; more {figures} class is 7, expected &lt;3&gt; Its keywords in the log "
        f"7.png, class 7, score 0.9961 {table} On the wire, 7 earlier frames left out s who bytes what begins "
        f"0.250000 sent {FRAMES[0].count} #3 WRITE_TENSOR, tensor 0, 4 B from 16 {FRAMES[0].beginning} "
        "0.500000 received 5 no good frame: malformed: a block runs past the end 05 61 62 63 00 "
        "0.750000 reset 0 the chip is reset "
        "The beginning of a reply that did not end: 05 61 The target says: UART &lt;overrun&gt;"
    )
    assert never == "FAIL Never Opened Parent suite setup failed Its keywords in the log"
    assert left_out == "SKIP Left Out no console Its keywords in the log"
    assert re.findall(r'href="([^"]*)"', page) == [
        *("report.html", "log.html", "log.html#s1-s1-t1", "log.html#s1-s1-t2", "log.html#s1-s1-t3"),
        "log.html#s1-s2-t1",
    ]
    assert "default-src 'none'" in page
    assert not re.findall(r"src=|https?:|@import", page)
    assert "<h1>embedded m7 a.tflite: 4 tests</h1>" in page
    assert "<dt>target</dt><dd>embedded &lt;1&gt;</dd>" in page
