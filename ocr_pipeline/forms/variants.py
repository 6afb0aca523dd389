"""One definition file, several forms: what the file says once about a column is written out for every column.

Works on the TOML tables, before they are read: the rest of the project never sees a variant, only whole forms. The keys
are described in docs/forms.md: ``[variants]`` says which numbers of columns there are, a page's ``[[pages.columns]]``
what stands in each of them.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Table = Mapping[str, Any]

VARIANT_KEYS = frozenset({"usual", "from", "to"})
COLUMN_KEYS = frozenset({"left", "width", "separators", "h_rules", "v_rules", "texts", "numbers"})
_SIDEWAYS = ("boxes", "bubbles", "tally", "row_totals")
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
        Form id -> number of columns, the usual one first; only the usual one bears the file's own id.

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
    """The table of one variant: its own id, its columns and rules written out, ``{n}`` replaced by their number.

    Args:
        table: the file's table, with ``[variants]``.
        form_id: the variant's id.
        count: number of columns, above 0.

    Raises:
        ValueError, TypeError, KeyError, IndexError, AttributeError: a column is not as docs/forms.md says.
    """
    whole = _named({key: value for key, value in table.items() if key != "variants"}, "{n}", count)
    pages = [_page(page, count) for page in whole.get("pages", [])]
    return {**whole, "id": form_id, "pages": pages, "rules": list(_rules(whole.get("rules", []), count))}


def _page(page: Table, count: int) -> dict[str, Any]:
    lists = {key: list(page.get(key, [])) for key in ("h_rules", "v_rules", "texts", "numbers")}
    for block in page.get("columns", []):
        if strange := sorted(set(block) - COLUMN_KEYS):
            raise ValueError(f"columns: {', '.join(strange)} is not a key here")
        left, pitch = float(block["left"]), float(block["width"]) / count
        if "separators" in block:
            start, end, width, grey = block["separators"]
            lists["v_rules"] += [[round(left + pitch * n, 3), start, end, width, grey] for n in range(count + 1)]
        for i in range(1, count + 1):
            x = round(left + pitch * (i - 0.5), 3)
            here = _named(block, "{i}", i)
            lists["h_rules"] += [[at, a + x, b + x, *rest] for at, a, b, *rest in here.get("h_rules", [])]
            lists["v_rules"] += [[at + x, *rest] for at, *rest in here.get("v_rules", [])]
            lists["texts"] += [[words, at + x, *rest] for words, at, *rest in here.get("texts", [])]
            lists["numbers"] += [_number(number, x, i) for number in here.get("numbers", [])]
    return {**{key: value for key, value in page.items() if key != "columns"}, **lists}


def _number(number: Table, x: float, i: int) -> dict[str, Any]:
    moved: dict[str, Any] = {
        key: {**number[key], "x": [v + x for v in number[key]["x"]]} for key in _SIDEWAYS if key in number
    }
    if "words" in number:
        moved["words"] = [number["words"][0] + x, *number["words"][1:]]
    return {**number, **moved, "review_order": number["review_order"] + i - 1}


def _rules(rules: Sequence[Table], count: int) -> Iterator[Table]:
    """A rule with ``{i}`` in its id once a column; a term with ``{i}`` in any other rule stands for all columns."""
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
