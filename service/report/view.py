"""A reading prepared for people, once for the table on the terminal and for the HTML page."""

from dataclasses import dataclass

from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.values import NumberRead, PageRead, RuleCheck, TpsRead
from service.report.words import (
    CHANNEL,
    DECISION,
    OUTCOME,
    SIGNS,
    VERDICT,
    Words,
    next_step,
    ordered_rules,
    percent,
    photo_title,
    rule_words,
    value_text,
    why_words,
)


@dataclass(frozen=True, slots=True)
class ChannelView:
    """What one channel alone read."""

    name: Words
    value: str
    p: str


@dataclass(frozen=True, slots=True)
class NumberView:
    """One number in words; ``accepted`` false means a person should look, and ``why`` says why."""

    field: str
    label: Words
    as_written: str
    value: str
    p: str
    accepted: bool
    decision: Words
    why: tuple[Words, ...]
    alternative: int | None
    channels: tuple[ChannelView, ...]


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule in words; ``holds`` as in the reading."""

    code: str
    sign: str
    holds: bool | None
    is_warning: bool
    text: Words


@dataclass(frozen=True, slots=True)
class RulesView:
    """The rules of a reading: those whose numbers were all looked for, and how many need numbers of other pages."""

    rules: tuple[RuleView, ...]
    elsewhere: int

    @property
    def holding(self) -> int:
        """How many hold."""
        return sum(rule.holds is True for rule in self.rules)

    @property
    def broken(self) -> int:
        """How many are broken."""
        return sum(rule.holds is False for rule in self.rules)

    @property
    def undecided(self) -> int:
        """How many cannot be told, because a number is undecided."""
        return sum(rule.holds is None for rule in self.rules)


@dataclass(frozen=True, slots=True)
class PageView:
    """One photo in words."""

    photo: str
    title: Words
    outcome: str
    outcome_words: Words
    reason: str | None
    numbers: tuple[NumberView, ...]
    rules: RulesView
    next_step: Words

    @property
    def shared_why(self) -> tuple[Words, ...]:
        """Reasons that every number of a page of several has: worth saying once, not once a number."""
        if len(self.numbers) < 2:
            return ()
        return tuple(words for words in self.numbers[0].why if all(words in n.why for n in self.numbers))


@dataclass(frozen=True, slots=True)
class TpsView:
    """The pages of one polling station together, in words; ``waiting`` are the numbers that need a person."""

    photos: tuple[str, ...]
    accepted: int
    waiting: tuple[NumberView, ...]
    verdict: str
    verdict_words: Words
    rules: RulesView

    @property
    def reasons(self) -> dict[Words, list[NumberView]]:
        """The waiting numbers by why they wait; a number with several reasons stands under each."""
        found: dict[Words, list[NumberView]] = {}
        for number in self.waiting:
            for words in number.why:
                found.setdefault(words, []).append(number)
        return found


def view_page(read: PageRead) -> PageView:
    """Puts one photo's reading into words."""
    definition = _definition(read.form)
    return PageView(
        photo=read.photo,
        title=photo_title(read, definition),
        outcome=read.outcome,
        outcome_words=OUTCOME[read.outcome],
        reason=read.reason,
        numbers=tuple(_view_number(n, definition) for n in _in_review_order(read, definition)),
        rules=_view_rules(read, definition),
        next_step=next_step(read),
    )


def view_tps(read: TpsRead) -> TpsView:
    """Puts the joint reading of one polling station into words."""
    definition = _definition(read.form)
    numbers = tuple(_view_number(n, definition) for n in _in_review_order(read, definition))
    waiting = tuple(n for n in numbers if not n.accepted)
    rules = _view_rules(read, definition)
    accepted = len(numbers) - len(waiting)
    return TpsView(read.photos, accepted, waiting, read.verdict, VERDICT[read.verdict], rules)


def _definition(form: str | None) -> FormDefinition | None:
    return None if form is None else load_form(form)


def _in_review_order(read: PageRead | TpsRead, definition: FormDefinition | None) -> list[NumberRead]:
    order = {} if definition is None else {n.field: n.review_order for n in definition.numbers}
    return sorted(read.numbers.values(), key=lambda n: order.get(n.field, 0))


def _view_number(number: NumberRead, definition: FormDefinition | None) -> NumberView:
    label = Words(number.field, number.field)
    if definition is not None:
        printed = definition.number(number.field)
        label = Words(printed.label_id, printed.label_en)
    return NumberView(
        field=number.field,
        label=label,
        as_written=number.as_written,
        value=value_text(number.value),
        p=percent(number.p),
        accepted=number.decision == "accepted",
        decision=DECISION[number.decision],
        why=why_words(number),
        alternative=number.alternative,
        channels=tuple(
            ChannelView(CHANNEL[name], value_text(found.value), percent(found.p))
            for name, found in number.evidence.items()
        ),
    )


def _view_rules(read: PageRead | TpsRead, definition: FormDefinition | None) -> RulesView:
    if definition is None:
        return RulesView((), 0)
    here = {rule.id: rule for rule in definition.rules_within(read.numbers.keys())}
    values = {field: number.value for field, number in read.numbers.items()}

    def view(check: RuleCheck) -> RuleView:
        rule = here[check.id]
        text = rule_words(rule, definition, values)
        return RuleView(rule.code, SIGNS[check.holds], check.holds, check.severity == "warning", text)

    known = [check for check in read.rules if check.id in here]
    return RulesView(tuple(view(check) for check in ordered_rules(known)), len(read.rules) - len(known))
