from samples import row

from lessons_lib import device_claims

SLOW = row(verdict="the baseline", latency_ms=4.0, p95_ms=5.0, accuracy=0.99)
FAST = row(variant="thin", latency_ms=0.2, p95_ms=0.4, accuracy=0.98, only_baseline_right=10)
LATE = row(variant="late", latency_ms=90.0, p95_ms=140.0, accuracy=1.0)
BATCH = row(variant="thin", batch=64, latency_ms=20.0, p95_ms=40.0, accuracy=0.98)


def test_a_deadline_is_kept_by_the_slow_answers_too():
    assert device_claims.within([SLOW, FAST, LATE], 100.0) == [SLOW, FAST]
    assert device_claims.within([SLOW, FAST, LATE], 5.0) == [SLOW, FAST]


def test_the_table_tells_how_many_keep_each_deadline_and_the_largest_batch():
    person, vehicle = device_claims.deadlines([SLOW, FAST, LATE, BATCH]).rows
    assert person["configurations that keep it at batch 1"] == "2 of 3"
    assert person["the most accurate of them"] == "base · eager, 99.0%"
    assert person["largest batch that keeps it"] == "64, the largest tried (thin · eager)"
    assert vehicle["configurations that keep it at batch 1"] == "1 of 3"
    assert vehicle["largest batch that keeps it"] == "1 (thin · eager)"
    assert device_claims.deadlines([LATE], [1.0]).rows[0]["largest batch that keeps it"] == "none"


def test_the_verdict_on_deadlines_follows_the_rows():
    told = device_claims.deadline_verdict([SLOW, FAST, LATE, BATCH])
    assert told.startswith(
        "100 ms are kept by 2 of 3 configurations, 1 ms by 1, of which the most accurate is thin · eager"
    )
    assert "at 1.0 points of accuracy less" in told
    assert "with no loss of accuracy" in device_claims.deadline_verdict([row(latency_ms=0.2, p95_ms=0.4)])
    assert "1 ms by none" in device_claims.deadline_verdict([SLOW])
    assert device_claims.deadline_verdict([LATE]).startswith("no configuration here answers within 100 ms")


def test_the_verdict_on_devices_judges_only_what_was_measured():
    on_cpu = device_claims.device_verdict([SLOW, FAST], 900.0, "cpu")
    assert (
        "its half about inference holds for this network: thin · eager answers 19 of 20 images one by one within 0.4 ms on this "
        "CPU (p95), about 250 times less than 100 ms" in on_cpu
    )
    assert "cannot be tested without a GPU; this CPU trained on 900 images a second" in on_cpu
    assert device_claims.device_verdict([LATE], 900.0, "cpu").startswith("does not hold here")
    gpu = row(device="cuda", threads=None, engine="GPU half")
    on_gpu = device_claims.device_verdict([SLOW, gpu], 9000.0, "cuda")
    assert on_gpu.startswith("its half about inference holds for this network")
    assert "Its half about training was not tested: this GPU trained on 9,000 images a second" in on_gpu
    assert device_claims.device_verdict([gpu], 9000.0, "cuda").startswith("cannot be tested here")
