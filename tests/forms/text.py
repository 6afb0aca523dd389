"""A small sound form as TOML text, for tests that spoil it."""

SOUND = """\
id = "uji"
rev = 3
title = { id = "Formulir uji", en = "Test form" }

[[pages]]
page = 1
title = { id = "Halaman 1", en = "Page 1" }
size_mm = [200, 300]
measured = true
tag = { family = "36h10", id = 7, quad_mm = [[30, 40], [10, 40], [10, 20], [30, 20]] }
marks = [[5, 5, 4]]
h_rules = [
  [60, 10, 190, 1, 28],
]
v_rules = [
  [10, 60, 250, 0.6, 28],
]
texts = [
  ["JUMLAH", 100, 55, 5, "mb"],
]

[[pages.numbers]]
field = "a"
label = { id = "Angka a", en = "number a" }
boxes = { x = [20, 45, 70], y = 70, size = [20, 20] }
guide = true
bubbles = { x = [30, 55, 80], y0 = 110, pitch = 10.5, diameter = 7 }
tally = { x = [100, 110, 120], y = [70, 80] }
row_totals = { x = [130, 140], y = [70, 80] }
words = [100, 90, 60, 10]
review_order = 1
excel_column = "A"

[[pages.numbers]]
field = "b"
label = { id = "Angka b", en = "number b" }
boxes = { x = [20, 45], y = 220, size = [20, 20] }
review_order = 2
excel_column = "B"

[[rules]]
id = "a_b"
code = "E1"
kind = "at_most"
severity = "error"
terms = ["b"]
total = "a"

[[rules]]
id = "a_batas"
code = "S2"
kind = "limit"
severity = "warning"
terms = ["a"]
max = 300
"""


def spoilt(*changes: tuple[str, str]) -> str:
    """The sound text with parts replaced; each old part must be there, or the test tests nothing."""
    text = SOUND
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text
