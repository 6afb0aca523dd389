"""One definition file, several forms: what the file says once about a column or row is written out for each of them.

Works on the TOML tables, before they are read: the rest of the project never sees a variant, only whole forms. The keys
are described in docs/forms.md: ``[variants]`` says how many there may be, a page's ``[[pages.columns]]`` and
``[[pages.rows]]`` what stands in each.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Table = Mapping[str, Any]

VARIANT_KEYS = frozenset({"usual", "from", "to"})
BLOCKS = {"columns": ("left", "width"), "rows": ("top", "height")}
"""Kind of block -> the keys of where it begins and how far it reaches."""
BLOCK_KEYS = frozenset({"separators", "h_rules", "v_rules", "texts", "numbers", "words"})
_GRIDS = ("boxes", "bubbles", "tally", "row_totals")
"""Parts of a number that hold a list ``x``."""


def ids_in(text: str, stem: str) -> tuple[str, ...]:
    """Ids of the forms in a definition file's text; of a file that cannot be understood only its own, ``stem``."""
    if "[variants]" not in text:
        return (stem,)
    try:
        return tuple(variant_counts(tomllib.loads(text)))
    except (ValueError, TypeError, KeyError):
        return (stem,)


def variant_counts(table: Table) -> dict[str, int]:
    """The forms of a definition file that has ``[variants]``.

    Returns:
        Form id -> number of columns and rows, the usual one first; only the usual one bears the file's own id.

    Raises:
        ValueError, TypeError, KeyError: ``[variants]`` is not as docs/forms.md says.
    """
    variants = table["variants"]
    if strange := sorted(set(variants) - VARIANT_KEYS):
        raise ValueError(f"{', '.join(strange)} is not a key here")
    usual, first, last = (variants[key] for key in ("usual", "from", "to"))
    if not all(type(n) is int for n in (usual, first, last)):
        raise TypeError("usual, from and to must be whole numbers")
    if not 1 <= first <= usual <= last <= 99:
        raise ValueError("1 <= from <= usual <= to <= 99 must hold")
    others = {f"{table['id']}-n{n}": n for n in range(first, last + 1) if n != usual}
    return {str(table["id"]): usual, **others}


def write_out(table: Table, form_id: str, count: int) -> dict[str, Any]:
    """The table of one variant: its own id, its columns, rows and rules written out, ``{n}`` replaced by their number.

    Args:
        table: the file's table, with ``[variants]``.
        form_id: the variant's id.
        count: number of columns and rows, above 0.

    Raises:
        ValueError, TypeError, KeyError, IndexError, AttributeError: a block is not as docs/forms.md says.
    """
    whole = _named({key: value for key, value in table.items() if key != "variants"}, "{n}", count)
    pages = [_page(page, count) for page in whole.get("pages", [])]
    return {**whole, "id": form_id, "pages": pages, "rules": list(_rules(whole.get("rules", []), count))}


def _page(page: Table, count: int) -> dict[str, Any]:
    lists = {key: list(page.get(key, [])) for key in ("h_rules", "v_rules", "texts", "numbers")}
    words: dict[str, list[float]] = {}
    for kind, (start_key, extent_key) in BLOCKS.items():
        for block in page.get(kind, []):
            if strange := sorted(set(block) - BLOCK_KEYS - {start_key, extent_key}):
                raise ValueError(f"{kind}: {', '.join(strange)} is not a key here")
            start, pitch = float(block[start_key]), float(block[extent_key]) / count
            if "separators" in block:
                edges = [[round(start + pitch * n, 3), *block["separators"]] for n in range(count + 1)]
                lists["v_rules" if kind == "columns" else "h_rules"] += edges
            for i in range(1, count + 1):
                middle = round(start + pitch * (i - 0.5), 3)
                x, y = (middle, 0.0) if kind == "columns" else (0.0, middle)
                _add(_named(block, "{i}", i), x, y, i, lists, words)
    lists["numbers"] = [{**n, "words": words[n["field"]]} if n["field"] in words else n for n in lists["numbers"]]
    return {**{key: value for key, value in page.items() if key not in BLOCKS}, **lists}


def _add(block: Table, x: float, y: float, i: int, lists: dict[str, list[Any]], words: dict[str, list[float]]) -> None:
    """Adds what stands in one column or row, moved by x and y."""
    lists["h_rules"] += [[at + y, a + x, b + x, *rest] for at, a, b, *rest in block.get("h_rules", [])]
    lists["v_rules"] += [[at + x, a + y, b + y, *rest] for at, a, b, *rest in block.get("v_rules", [])]
    lists["texts"] += [[text, at_x + x, at_y + y, *rest] for text, at_x, at_y, *rest in block.get("texts", [])]
    lists["numbers"] += [_number(number, x, y, i) for number in block.get("numbers", [])]
    if "words" in block:
        words[block["words"]["field"]] = _moved_area(block["words"]["area"], x, y)


def _number(number: Table, x: float, y: float, i: int) -> dict[str, Any]:
    moved: dict[str, Any] = {key: _moved_grid(number[key], x, y) for key in _GRIDS if key in number}
    if "words" in number:
        moved["words"] = _moved_area(number["words"], x, y)
    return {**number, **moved, "review_order": number["review_order"] + i - 1}


def _moved_grid(grid: Table, x: float, y: float) -> dict[str, Any]:
    """Boxes and bubbles have one y each, tally grids a list of them."""
    high = {
        key: [v + y for v in grid[key]] if isinstance(grid[key], list) else grid[key] + y
        for key in ("y", "y0")
        if key in grid
    }
    return {**grid, "x": [v + x for v in grid["x"]], **high}


def _moved_area(area: Sequence[float], x: float, y: float) -> list[float]:
    left, top, *size = area
    return [left + x, top + y, *size]


def _rules(rules: Sequence[Table], count: int) -> Iterator[Table]:
    """A rule with ``{i}`` in its id once for each; a term with ``{i}`` in any other rule stands for all of them."""
    for rule in rules:
        if "{i}" in rule["id"]:
            yield from (_named(rule, "{i}", i) for i in range(1, count + 1))
        else:
            yield {**rule, "terms": [name for term in rule["terms"] for name in _each(term, count)]}


def _each(term: str, count: int) -> list[str]:
    return [term.replace("{i}", str(i)) for i in range(1, count + 1)] if "{i}" in term else [term]


def _named(value: Any, sign: str, number: int) -> Any:
    """A value with the sign replaced by the number in every text of it."""
    if isinstance(value, str):
        return value.replace(sign, str(number))
    if isinstance(value, Mapping):
        return {key: _named(item, sign, number) for key, item in value.items()}
    return [_named(item, sign, number) for item in value] if isinstance(value, list) else value
