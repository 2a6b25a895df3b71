"""The bench of quality of service: what arrived is counted in frames, a reason is shown where there is no figure."""

import json

import pytest

from bench.qos.sides import burst_bytes
from bench.qos.traffic import AROUND_BYTES, PAYLOAD_BYTES, Received, Stream, _reported, _sampled
from bench.rows import WEFT, Row, read_rows, table, write_json
from weft.compiler.qos.numbers import burst, frame_bytes

STREAM = Stream(sender="p", receiver="q", target="10.0.0.1", device="q")


def steady(rate_bps: float, seconds: int) -> Received:
    times = tuple(at / 10 for at in range(10 * seconds + 1))
    return Received(times_s=times, bits=tuple(rate_bps * at for at in times))


def test_a_large_frame_counts_as_the_frames_that_it_becomes() -> None:
    whole, many = PAYLOAD_BYTES * 40 + AROUND_BYTES["tcp"], (PAYLOAD_BYTES + AROUND_BYTES["tcp"]) * 40
    rows = [[0.0, 0, 0], [1.0, whole, 1], [2.0, whole + many, 41]]
    found = _sampled("\n".join(map(json.dumps, rows)), STREAM, 0.0)
    assert found.bits == pytest.approx((0, many * 8, 2 * many * 8))


def test_time_begins_with_the_first_packets() -> None:
    found = _sampled("\n".join(map(json.dumps, [[5.0, 0, 0], [6.0, 100_000, 60], [7.0, 200_000, 120]])), STREAM, 5.0)
    assert found.times_s == (-1.0, 0.0, 1.0)


def test_what_iperf3_reports_is_in_frames_too() -> None:
    report = {"intervals": [{"sum": {"end": 1.0, "bytes": PAYLOAD_BYTES}}, {"sum": {"end": 2.0, "bytes": 0}}]}
    found = _reported(report, STREAM, 0.5)
    assert found.times_s == (0.5, 1.5, 2.5)
    assert found.bits[-1] == pytest.approx((PAYLOAD_BYTES + AROUND_BYTES["tcp"]) * 8)


def test_rates_are_between_two_times() -> None:
    found = steady(1e6, 4)
    assert found.between_bps(0.55, 3.21) == pytest.approx(1e6)
    assert found.between_bps(3.9, 4.9) == pytest.approx(1e5), "nothing came after the last reading"


def test_how_soon_it_is_there() -> None:
    late = Received(times_s=(0.0, 1.0, 2.0, 3.0), bits=(0.0, 0.0, 1e6, 2e6))
    assert late.reaches_s(0.9e6, 0.0) == pytest.approx(1.25, abs=0.06)
    assert late.reaches_s(2e6, 0.0) is None


@pytest.mark.parametrize("rate_bps", [10**6, 10**7, 10**8, 5 * 10**8])
def test_the_plugin_has_wefts_burst(rate_bps: int) -> None:
    assert burst_bytes(rate_bps) == burst(rate_bps, frame_bytes(1500)).value


def test_the_table_has_a_reason_for_what_is_not_possible(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = [
        Row(case="a", unit="ms", sides={WEFT: 1.0, "peer": "no act_police"}, bound="at most 2 ms", kept=True),
        Row(
            case="b", unit="ms", sides={WEFT: 3.0, "peer": 9.0}, kept=False, remarks={"peer": "half of it"}, where="7.2"
        ),
    ]
    shown = table(rows)
    assert "not possible" in shown and "peer, 1 rows: no act_police" in shown and "peer, 1 rows: half of it" in shown
    assert "ok" in shown and "OVER" in shown and "b, 7.2" in shown
    write_json(rows, tmp_path / "qos.json")
    assert read_rows(tmp_path / "qos.json") == rows
