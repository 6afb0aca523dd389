"""What codes mean in words, Indonesian first; every table, picture and page takes its words from here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from ocr_pipeline.errors import REASONS
from ocr_pipeline.forms.definition import FormDefinition, Page
from ocr_pipeline.forms.rules import ArithmeticRule
from ocr_pipeline.values import Channel, Decision, NumberRead, Outcome, PageRead, RuleCheck, Verdict, Why


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    id: str
    en: str


WHY: Mapping[Why, Words] = MappingProxyType(
    {
        "low_confidence": Words("tulisan kurang jelas", "the writing is not clear enough"),
        "channels_disagree": Words("angka dan bulatan berbeda", "digits and bubbles disagree"),
        "rule_broken": Words("hitungan tidak cocok", "the arithmetic does not hold"),
        "rule_undecided": Words("hitungan belum dapat diperiksa", "the arithmetic cannot be checked yet"),
        "out_of_bounds": Words("di luar batas yang mungkin", "outside the possible range"),
        "crossed_out": Words("ada coretan", "struck through or overwritten"),
        "form_inconsistent": Words("angka di formulir sendiri tidak cocok", "the form itself does not add up"),
        "unmeasured": Words(
            "halaman ini belum pernah diuji dengan foto nyata", "no real photo of this page has been measured yet"
        ),
    }
)

OUTCOME: Mapping[Outcome, Words] = MappingProxyType(
    {
        "accepted": Words("DITERIMA", "accepted"),
        "review": Words("PERLU DIPERIKSA", "needs a person"),
        "rejected": Words("DITOLAK", "rejected"),
    }
)

DECISION: Mapping[Decision, Words] = MappingProxyType(
    {"accepted": Words("diterima", "accepted"), "review": Words("periksa", "check")}
)

VERDICT: Mapping[Verdict, Words] = MappingProxyType(
    {
        "consistent": Words("Semua hitungan cocok.", "All arithmetic holds."),
        "reading_uncertain": Words(
            "Hitungan tidak cocok, tetapi pembacaan lain yang mungkin akan cocok. Periksa angka yang ditandai.",
            "The arithmetic fails, but another likely reading would make it hold. Check the marked numbers.",
        ),
        "form_inconsistent": Words(
            "Angka yang tertulis di formulir sendiri tidak cocok. Catat dan bawa ke rapat pleno; jangan diubah.",
            "The written numbers themselves do not add up. Note it for the recap meeting; change nothing.",
        ),
        "incomplete": Words(
            "Belum lengkap: ada halaman yang belum dibaca atau angka yang belum pasti.",
            "Incomplete: a page is missing or a number is undecided.",
        ),
    }
)

CHANNEL: Mapping[Channel, Words] = MappingProxyType(
    {
        "digits": Words("angka dalam kotak", "digits in the boxes"),
        "bubbles": Words("bulatan", "bubbles"),
        "tally": Words("turus", "tally marks"),
        "row_totals": Words("jumlah tiap baris", "row totals"),
    }
)

SIGNS = {True: "✓", False: "✗", None: "?"}
"""Sign of a rule that holds, is broken, cannot be told."""


def reason_words(reason: str) -> Words:
    """What to do about a refused photo."""
    return Words(*REASONS[reason])


def why_words(number: NumberRead) -> tuple[Words, ...]:
    """Why a person should look at a number, one entry a reason; empty where nobody has to."""
    return tuple(WHY[code] for code in number.why)


def alternative_words(value: int) -> Words:
    """The value that arithmetic prefers, as a hint that is never applied."""
    return Words(f"hitungan menunjuk ke {value}", f"the arithmetic points to {value}")


def value_text(value: int | None) -> str:
    """A value for people: an unread or empty number is a dash, never 0."""
    return "–" if value is None else str(value)


def percent(p: float) -> str:
    """A probability 0-1 as text, rounded down: only a certain one prints as 100 %."""
    thousandths = int(p * 1000)
    return "100 %" if thousandths == 1000 else f"{thousandths / 10:.1f} %"


def next_step(read: PageRead) -> Words:
    """What the person should do next about a photo."""
    if read.reason is not None:
        return reason_words(read.reason)
    waiting = [n.field for n in read.numbers.values() if n.decision == "review"]
    if not waiting:
        return Words("Tidak ada yang perlu dilakukan.", "Nothing to do.")
    n, mark = len(waiting), DECISION["review"]
    return Words(
        f"Bandingkan {n} angka bertanda “{mark.id}” dengan foto, lalu tetapkan.",
        f"Compare the {n} {'number' if n == 1 else 'numbers'} marked “{mark.en}” with the photo and decide.",
    )


def photo_title(read: PageRead, definition: FormDefinition | None) -> Words:
    """Which form and page a photo shows."""
    page = page_of(read, definition)
    if definition is None or page is None:
        return Words("Formulir tidak dikenali", "Form not recognised")
    return Words(f"{definition.title_id}, {page.title_id}", f"{definition.title_en}, {page.title_en}")


def page_of(read: PageRead, definition: FormDefinition | None) -> Page | None:
    """The definition's page that a photo was read as."""
    if definition is None:
        return None
    return next((page for page in definition.pages if page.page == read.page), None)


def rule_words(rule: ArithmeticRule, definition: FormDefinition, values: Mapping[str, int | None]) -> Words:
    """A rule with its numbers: "Suara sah [203] + Suara tidak sah [8] = Suara sah dan tidak sah [211]"."""

    def shown(field: str) -> str:
        value = values.get(field)
        return "[?]" if value is None else f"[{value}]"

    return Words(
        rule_text(rule, lambda field: f"{definition.number(field).label_id} {shown(field)}", "id"),
        rule_text(rule, lambda field: f"{definition.number(field).label_en} {shown(field)}", "en"),
    )


def rule_text(rule: ArithmeticRule, named: Callable[[str], str], language: Literal["id", "en"] = "en") -> str:
    """A rule as a formula, each field as ``named`` writes it."""
    terms = " + ".join(named(field) for field in rule.terms)
    total = "" if rule.total is None else named(rule.total)
    params = rule.params
    match rule.kind:
        case "sum":
            return f"{terms} = {total}"
        case "at_most":
            return f"{terms} ≤ {total}"
        case "limit":
            return f"{terms} ≤ {params['max']:g}"
        case "reserve":
            return f"{total} = {terms} + {params['rate'] * 100:g} % (± {params['tolerance']:g})"
        case "ratio_at_most":
            return f"{terms} ≤ {params['factor']:g} × {total}"
        case "share_at_most":
            return f"{terms} ≤ {params['share'] * 100:g} % × {total}"
        case "not_all":
            return f"{terms} bukan seluruh {total}" if language == "id" else f"{terms} is not all of {total}"
        case "positive":
            return f"{terms} > 0"
        case "differs":
            return f"{terms} ≠ {total}"


def station_words(accepted: int, waiting: int) -> Words:
    """How many numbers of a station were accepted and how many wait for a person, all its pages considered."""
    return Words(
        f"Semua halaman bersama: {accepted} angka diterima, {waiting} harus diperiksa.",
        f"All pages together: {accepted} numbers accepted, {waiting} to check.",
    )


def elsewhere_words(count: int) -> Words:
    """That some rules need numbers of pages that are not here."""
    return Words(
        f"{count} hitungan lain memerlukan halaman lain dari TPS ini.",
        f"{count} more rules need other pages of this station.",
    )


def ordered_rules(checks: Sequence[RuleCheck]) -> list[RuleCheck]:
    """Rules in the order in which a person needs them: broken errors, broken warnings, undecided, holding."""
    rank = {False: 0, None: 1, True: 2}
    return sorted(checks, key=lambda check: (rank[check.holds], check.severity != "error"))
