from lessons_lib.tables import Table, filled


def test_amounts_of_money_in_a_table_are_no_formulas():
    assert '<table class="mathjax_ignore">' in Table("Costs", [{"a year": "$701 to $702"}])._repr_html_()
    assert "<table>" in Table("Times", [{"a call": "7 ms"}])._repr_html_()


def test_a_column_that_no_row_fills_is_left_out_and_a_gap_is_named():
    rows = [{"way": "a", "share": None, "memory": None}, {"way": "b", "share": 0.5, "memory": None}]
    assert filled(rows, missing="not known") == [{"way": "a", "share": "not known"}, {"way": "b", "share": 0.5}]
    assert filled([], missing="not known") == []
    assert filled([{"n": 0}], missing="not known") == [{"n": 0}]


def test_a_table_without_rows_is_its_caption_alone():
    empty = Table("Nothing was measured & why", [])
    assert (repr(empty), empty._repr_html_()) == ("Nothing was measured & why", "<p>Nothing was measured &amp; why</p>")
