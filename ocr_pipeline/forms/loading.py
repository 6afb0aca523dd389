"""TOML text -> :class:`FormDefinition`, or one error that names every mistake.

The shape of the file is described in docs/forms.md. Reading goes on after a mistake wherever it can, because a
technician who writes a form wants the whole list, not the first entry of it.
"""

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast, get_args

from ocr_pipeline.errors import DefinitionError
from ocr_pipeline.forms.checks import find_problems
from ocr_pipeline.forms.definition import (
    Anchor,
    Axis,
    Box,
    Bubbles,
    Fill,
    FormDefinition,
    Grid,
    Mark,
    Number,
    Page,
    Rule,
    Tag,
    Text,
)
from ocr_pipeline.forms.rules import PARAMS, ArithmeticRule, Kind, Severity
from ocr_pipeline.forms.variants import variant_counts, write_out

Table = Mapping[str, Any]

_FORM_KEYS = frozenset({"id", "rev", "title", "pages", "rules"})
_PAGE_KEYS = frozenset(
    {"page", "title", "size_mm", "measured", "tag", "marks", "h_rules", "v_rules", "fills", "texts", "numbers"}
)
_NUMBER_KEYS = frozenset(
    {"field", "label", "boxes", "guide", "bubbles", "tally", "row_totals", "words", "review_order", "excel_column"}
)
_RULE_KEYS = frozenset({"id", "code", "kind", "severity", "terms", "total"})


class _Problems(list[str]):
    """Collects mistakes; ``attempt`` runs one reader and notes what went wrong instead of stopping."""

    def attempt(self, where: str, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except KeyError as error:
            self.append(f"{where}: {error.args[0]} is missing")
        except (TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            self.append(f"{where}: {error}")
        return None

    def unknown(self, where: str, table: Table, known: frozenset[str]) -> None:
        """Notes keys that mean nothing: a misspelled optional key would otherwise be ignored in silence."""
        self.extend(f"{where}: {key} is not a key here" for key in sorted(set(table) - known))


def parse_definition(text: str, name: str) -> FormDefinition:
    """The first form of a definition file, after all of them were checked; see :func:`parse_definitions`."""
    return parse_definitions(text, name)[0]


def parse_definitions(text: str, name: str) -> tuple[FormDefinition, ...]:
    """Reads and checks a definition file.

    Args:
        text: the TOML file's text.
        name: what to call it in error messages (the file name or form id).

    Returns:
        Its forms: one, or as many as ``[variants]`` says, the usual one first. Their pages are enlarged
        (:meth:`~ocr_pipeline.forms.definition.Page.enlarged`).

    Raises:
        DefinitionError: with every problem found; one that only some variants have is given with their ids.
    """
    try:
        table: Table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(name, (f"not TOML: {error}",)) from error
    problems = _Problems()
    tables = problems.attempt("variants", partial(_variants, table)) if "variants" in table else [table]
    forms = []
    for one in tables or []:
        definition, found = _definition(one)
        forms.append(definition)
        known = set(problems)
        problems.extend(p if one is tables[0] else f"{one['id']}: {p}" for p in found if p not in known)
    if problems:
        raise DefinitionError(name, tuple(problems))
    checked = cast(list[FormDefinition], forms)
    return tuple(replace(form, pages=tuple(page.enlarged() for page in form.pages)) for form in checked)


def _variants(table: Table) -> list[Table]:
    return [write_out(table, form_id, count) for form_id, count in variant_counts(table).items()]


def _definition(table: Table) -> tuple[FormDefinition | None, list[str]]:
    """One form as the file has it, and its problems; ``None`` where too much is wrong."""
    problems = _Problems()
    problems.unknown("form", table, _FORM_KEYS)
    pages = [problems.attempt(f"page entry {i}", partial(_page, t, problems)) for i, t in _enumerate(table, "pages")]
    rules = [
        problems.attempt(f"rule entry {i}", partial(_arithmetic, t, problems)) for i, t in _enumerate(table, "rules")
    ]
    definition = problems.attempt(
        "form",
        lambda: FormDefinition(
            id=str(table["id"]),
            rev=int(table["rev"]),
            title_id=str(table["title"]["id"]),
            title_en=str(table["title"]["en"]),
            pages=tuple(p for p in pages if p is not None),
            rules=tuple(r for r in rules if r is not None),
        ),
    )
    if definition is not None:
        problems.extend(find_problems(definition))
    return definition, problems


def _enumerate(table: Table, key: str) -> list[tuple[int, Table]]:
    entries = table.get(key, [])
    return list(enumerate(entries, 1)) if isinstance(entries, list) else []


def _page(t: Table, problems: _Problems) -> Page:
    page = int(t["page"])
    problems.unknown(f"page {page}", t, _PAGE_KEYS)
    numbers = [
        problems.attempt(f"page {page}, number {n.get('field', i)}", partial(_number, n, problems))
        for i, n in _enumerate(t, "numbers")
    ]
    width, height = _floats(t["size_mm"])
    return Page(
        page=page,
        title_id=str(t["title"]["id"]),
        title_en=str(t["title"]["en"]),
        size_mm=(width, height),
        measured=_flag(t["measured"], "measured"),
        tag=_tag(t["tag"]) if "tag" in t else None,
        marks=tuple(Mark(*_floats(m)) for m in t.get("marks", [])),
        rules=(*_rules("h", t.get("h_rules", [])), *_rules("v", t.get("v_rules", []))),
        texts=tuple(_text(x) for x in t.get("texts", [])),
        numbers=tuple(n for n in numbers if n is not None),
        fills=tuple(_fill(x) for x in t.get("fills", [])),
    )


def _rules(axis: Axis, rows: Sequence[Sequence[float]]) -> tuple[Rule, ...]:
    return tuple(Rule(axis, float(a), float(f), float(to), float(w), int(grey)) for a, f, to, w, grey in rows)


def _fill(row: Sequence[float]) -> Fill:
    x, y, width, height, grey = row
    return Fill(Box(float(x), float(y), float(width), float(height)), int(grey))


def _text(row: Sequence[Any]) -> Text:
    text, x, y, size, style = row
    anchor = str(style)[0]
    if anchor not in get_args(Anchor):
        raise ValueError(f"text {text!r}: style must start with l, m or r")
    return Text(str(text), float(x), float(y), float(size), str(style).endswith("b"), cast(Anchor, anchor))


def _tag(t: Table) -> Tag:
    return Tag(str(t["family"]), int(t["id"]), tuple((float(x), float(y)) for x, y in t["quad_mm"]))


def _number(t: Table, problems: _Problems) -> Number:
    problems.unknown(f"number {t['field']}", t, _NUMBER_KEYS)
    width, height = _floats(t["boxes"]["size"])
    boxes = tuple(Box(x, float(t["boxes"]["y"]), width, height) for x in _floats(t["boxes"]["x"]))
    return Number(
        field=str(t["field"]),
        label_id=str(t["label"]["id"]),
        label_en=str(t["label"]["en"]),
        boxes=boxes,
        guide=_flag(t.get("guide", False), "guide"),
        bubbles=_bubbles(t["bubbles"]) if "bubbles" in t else None,
        tally=_grid(t["tally"]) if "tally" in t else None,
        row_totals=_grid(t["row_totals"]) if "row_totals" in t else None,
        words=Box(*_floats(t["words"])) if "words" in t else None,
        review_order=int(t["review_order"]),
        excel_column=str(t["excel_column"]),
    )


def _bubbles(t: Table) -> Bubbles:
    first, pitch = float(t["y0"]), float(t["pitch"])
    return Bubbles(tuple(_floats(t["x"])), tuple(first + pitch * d for d in range(10)), float(t["diameter"]))


def _grid(t: Table) -> Grid:
    return Grid(tuple(_floats(t["x"])), tuple(_floats(t["y"])))


def _arithmetic(t: Table, problems: _Problems) -> ArithmeticRule:
    kind, severity = str(t["kind"]), str(t["severity"])
    if kind not in get_args(Kind):
        raise ValueError(f"{t['id']}: kind {kind!r} is not one of {', '.join(get_args(Kind))}")
    if severity not in get_args(Severity):
        raise ValueError(f"{t['id']}: severity must be error or warning")
    problems.unknown(f"rule {t['id']}", t, _RULE_KEYS | PARAMS[cast(Kind, kind)])
    params = {key: float(t[key]) for key in PARAMS[cast(Kind, kind)]}
    for key, value in params.items():
        if not math.isfinite(value):
            raise ValueError(f"{t['id']}: {key} must be a finite number")
    terms = tuple(str(x) for x in t["terms"])
    total = str(t["total"]) if "total" in t else None
    return ArithmeticRule(
        str(t["id"]), str(t["code"]), cast(Kind, kind), cast(Severity, severity), terms, total, params
    )


def _flag(value: Any, name: str) -> bool:
    """A TOML boolean and nothing else: the text "false" must not switch something on."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    return value


def _floats(values: Sequence[Any]) -> list[float]:
    return [float(v) for v in values]
