"""The numbers of an election's forms: what they are called, how large they may be, which the recap adds up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ocr_pipeline.forms.definition import Number
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.forms.rules import ArithmeticRule


@dataclass(frozen=True, slots=True)
class ElectionForms:
    """All forms of an election taken together.

    Attributes:
        numbers: field id -> the number, in the order of forms and pages. A field that two forms have is one number.
        pages: field id -> (form id, page) where it is printed first.
        rules: every rule of every form; one that two forms share by its id counts once.
    """

    numbers: Mapping[str, Number]
    pages: Mapping[str, tuple[str, int]]
    rules: tuple[ArithmeticRule, ...]


def forms_of(form_ids: Sequence[str]) -> ElectionForms:
    """The numbers and rules of these forms.

    Raises:
        UnknownFormError: a form is not in the library.
    """
    return _forms_of(tuple(form_ids))


@lru_cache(maxsize=64)
def _forms_of(form_ids: tuple[str, ...]) -> ElectionForms:
    numbers: dict[str, Number] = {}
    pages: dict[str, tuple[str, int]] = {}
    rules: dict[str, ArithmeticRule] = {}
    for form in map(load_form, form_ids):
        for page in form.pages:
            for number in page.numbers:
                numbers.setdefault(number.field, number)
                pages.setdefault(number.field, (form.id, page.page))
        for rule in form.rules:
            rules.setdefault(rule.id, rule)
    return ElectionForms(numbers, pages, tuple(rules.values()))
