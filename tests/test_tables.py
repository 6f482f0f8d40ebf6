from lessons_lib.tables import Table


def test_amounts_of_money_in_a_table_are_no_formulas():
    assert '<table class="mathjax_ignore">' in Table("Costs", [{"a year": "$701 to $702"}])._repr_html_()
    assert "<table>" in Table("Times", [{"a call": "7 ms"}])._repr_html_()
