"""What a million predictions cost on a recorded machine: against the plain arithmetic, and in relation to each other."""

import pytest
from samples import row as measured

from lessons_lib.economics import on_record, own
from lessons_lib.economics.inputs import Input
from lessons_lib.economics.serving import price_per_million
from lessons_lib.recorded import Recording

ROWS = [
    measured(engine="eager", device="cpu", threads=1, batch=1, latency_ms=2.0),
    measured(engine="ONNX Runtime", device="cpu", threads=2, batch=1, latency_ms=1.0),
    measured(engine="ONNX Runtime", device="cpu", threads=2, batch=64, latency_ms=40.0),
    measured(engine="GPU eager", device="cuda:1", threads=None, batch=1, latency_ms=0.5),
    measured(engine="GPU half", device="cuda:1", threads=None, batch=64, latency_ms=0.4),
    measured(variant="int8", engine="ONNX Runtime int8", device="cpu", threads=1, batch=1, latency_ms=0.1),
]


def test_the_price_is_that_of_the_plain_formula_for_the_fastest_of_each_device_and_batch():
    found = on_record.priced(ROWS)
    assert [(one.row.engine, one.row.batch) for one in found] == [
        ("ONNX Runtime", 1), ("ONNX Runtime", 64), ("GPU eager", 1), ("GPU half", 64),
    ]  # fmt: skip
    for one in found:
        per_image_s = one.row.latency_ms / 1000 / one.row.batch
        assert one.per_million == pytest.approx(price_per_million(per_image_s, one.price.value))
        assert one.low <= one.per_million <= one.high
    assert found[2].price == own.GPU_PRICE
    assert found[0].price.value == pytest.approx(2 * 0.04)  # two cores
    assert found[3].per_million == pytest.approx(0.4e-3 / 64 * 1e6 / 3600 * own.GPU_PRICE.value)


def test_other_prices_can_be_put_in_and_are_in_proportion():
    mine = [Input("serving_price", price, "USD/hour", price, price, "mine") for price in (0.1, 20.0)]
    for public, changed in zip(on_record.priced(ROWS), on_record.priced(ROWS, mine), strict=True):
        assert changed.per_million / public.per_million == pytest.approx(changed.price.value / public.price.value)
        assert changed.price.source == "mine"


def test_a_row_of_the_table_has_its_price_its_range_and_its_source():
    row = on_record.table(on_record.priced(ROWS), "recorded on a GPU").rows[-1]
    assert row["device"] == "GPU"
    price = own.GPU_PRICE
    assert row["price an hour (input)"] == f"${price.value:g} an hour, {price.low:g} to {price.high:g}"
    assert row["a million predictions, machine full"].startswith(f"${0.4e-3 / 64 * 1e6 / 3600 * price.value:.5f}"[:6])
    assert row["source of the price"] == own.GPU_PRICE.brief


def test_the_cheaper_one_is_named_only_where_the_prices_leave_no_doubt():
    gpu = measured(engine="GPU half", device="cuda", threads=None, batch=64, latency_ms=0.01)
    slow = measured(engine="GPU half", device="cuda", threads=None, batch=64, latency_ms=1e4)
    cpu = ROWS[1:3]
    assert "the GPU is the cheaper one whatever" in on_record.sentence(on_record.priced([*cpu, gpu]))
    assert "the CPU is the cheaper one whatever" in on_record.sentence(on_record.priced([*cpu, slow]))
    told = on_record.sentence(on_record.priced(ROWS))
    assert told.startswith("At its best batch, ")
    assert "For one image at a time, " in told


def test_what_was_not_measured_is_told():
    assert "No GPU was measured" in on_record.sentence(on_record.priced(ROWS[:3]))
    assert "No CPU was measured" in on_record.sentence(on_record.priced(ROWS[3:5]))
    assert on_record.priced([]) == []


def test_every_place_stands_under_its_label_and_other_data_sets_do_not():
    recording = Recording("A GPU", "2026-11-20", {"torch": "2.13.0"}, "road_signs", tuple(ROWS))
    found = on_record.places(ROWS[:3], "measured here", [recording], "road_signs")
    assert list(found) == ["measured here", recording.label]
    assert list(on_record.places(ROWS[:3], "measured here", [recording], "fashion_mnist")) == ["measured here"]
    rows = on_record.table_of(found).rows
    assert [row["measured"] for row in rows] == ["measured here"] * 2 + [recording.label] * 4
    assert on_record.told(found).startswith(f"As {recording.label}: At its best batch, ")
    assert "No GPU was measured" in on_record.told({"measured here": found["measured here"]})
