"""Readings on a terminal: one short table a photo, Indonesian first."""

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ocr_pipeline.values import PageRead, TpsRead
from service.report.view import NumberView, RulesView, view_page, view_tps
from service.report.words import OUTCOME, Words, alternative_words, elsewhere_words, reason_words, station_words

STYLE = {"accepted": "bold green", "review": "bold yellow", "rejected": "bold red"}
WIDE = 100
"""Columns from which there is room for the English names beside the Indonesian ones."""
RULE_STYLE = {True: "green", False: "red", None: "yellow"}


def both(words: Words, style: str = "") -> Text:
    """Indonesian, and English dimmed behind it."""
    return Text.assemble((words.id, style), "  ", (words.en, "dim"))


def print_page(console: Console, read: PageRead) -> None:
    """One photo: what it is, its numbers, its rules, what to do next."""
    view = view_page(read)
    heading = Text.assemble((view.photo, "bold"), "  ", (view.outcome_words.id, STYLE[view.outcome]))
    console.print(heading, Text(view.outcome_words.en, "dim"), soft_wrap=True)
    if view.outcome != "rejected":
        console.print(both(view.title))
        _print_numbers(console, view.numbers)
        _print_rules(console, view.rules, "(--together)")
    console.print(Text("→ ") + both(view.next_step))
    console.print()


def print_tps(console: Console, read: TpsRead) -> None:
    """The joint judgement over the pages of one polling station."""
    view = view_tps(read)
    photos = ", ".join(view.photos)
    console.print(Text.assemble((f"TPS: {photos}", "bold")), soft_wrap=True)
    console.print(both(station_words(view.accepted, len(view.waiting))))
    if view.waiting:
        _print_numbers(console, view.waiting)
    _print_rules(console, view.rules)
    console.print(Text("→ ") + both(view.verdict_words))
    console.print()


def print_summary(console: Console, outcomes: Counter[str], rejected: Sequence[tuple[str, str]]) -> None:
    """How a batch went, and the list of the refused files."""
    counts = [f"{outcomes[name]} {OUTCOME[name].id.lower()}" for name in OUTCOME]
    english = [f"{outcomes[name]} {OUTCOME[name].en}" for name in OUTCOME]
    n = outcomes.total()
    console.print(both(Words(f"{n} foto: {', '.join(counts)}", f"{n} photos: {', '.join(english)}"), "bold"))
    for photo, reason in rejected:
        console.print(Text.assemble("  ", (photo, "red"), f"  {reason}  ", reason_words(reason).id), soft_wrap=True)


def _print_numbers(console: Console, numbers: Sequence[NumberView]) -> None:
    """The numbers one a line, and below them, once each, the reasons that a person is needed for."""
    notes: dict[Words, int] = {}
    wide = console.width >= WIDE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Angka", overflow="fold")
    if wide:
        table.add_column("[dim]Number[/dim]", style="dim")
    table.add_column("Tertulis\n[dim]written[/dim]", no_wrap=True)
    table.add_column("Nilai\n[dim]value[/dim]", justify="right", no_wrap=True)
    table.add_column("Yakin\n[dim]sure[/dim]", justify="right", no_wrap=True)
    table.add_column("Keputusan\n[dim]decision[/dim]", no_wrap=True)
    for n in numbers:
        cells = [n.label.id, *([n.label.en] if wide else []), n.as_written, n.value, n.p]
        table.add_row(*cells, _decision(n, notes))
    console.print(table)
    for words, k in notes.items():
        console.print(Text(f"  {k}) ") + both(words))


def _decision(number: NumberView, notes: dict[Words, int]) -> Text:
    if number.accepted:
        return Text(f"✓ {number.decision.id}", "green")
    why = [*number.why, *([alternative_words(number.alternative)] if number.alternative is not None else [])]
    marks = ", ".join(map(str, sorted(notes.setdefault(words, len(notes) + 1) for words in why)))
    return Text(f"! {number.decision.id}  {marks}", "yellow")


def _print_rules(console: Console, view: RulesView, hint: str = "") -> None:
    """How many rules hold, those that do not in words, how many need other pages; ``hint`` says how to give them."""
    if view.rules:
        said = f"Hitungan: {view.holding} cocok, {view.broken} tidak cocok, {view.undecided} belum pasti"
        english = f"Rules: {view.holding} hold, {view.broken} broken, {view.undecided} undecided"
        console.print(both(Words(said, english)))
    for rule in view.rules:
        if rule.holds is not True:
            kind = " (peringatan / warning)" if rule.is_warning else ""
            console.print(Text.assemble("  ", (rule.sign, RULE_STYLE[rule.holds]), f" {rule.code}{kind} "), end="")
            console.print(both(rule.text))
    if view.elsewhere:
        console.print(both(elsewhere_words(view.elsewhere)), Text(hint, "dim"))
