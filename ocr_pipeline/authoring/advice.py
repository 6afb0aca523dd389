"""For a technician who writes a definition: where a mistake stands, how to mend it, and what is only worth a look.

Problems come as sentences, ``where: what`` (:mod:`ocr_pipeline.forms.checks`, :mod:`ocr_pipeline.forms.loading`). The
table below knows each kind of them; a test holds it against everything these modules can say.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ocr_pipeline.authoring.lookalike import Lookalike, find_lookalikes
from ocr_pipeline.forms.definition import FormDefinition, Number, Page, Rule
from ocr_pipeline.forms.library import form_ids, load_form


@dataclass(frozen=True, slots=True)
class Advice:
    """One text in Indonesian and English."""

    id: str
    en: str


_ADVICE: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"^not TOML",
        "Ini bukan TOML yang sah. Periksa tanda kutip, kurung, dan koma di baris itu.",
        "Look at the quotation marks, brackets and commas of that line.",
    ),
    (r"not UTF-8", "Berkas bukan teks UTF-8. Simpan ulang sebagai UTF-8.", "Save the file as UTF-8."),
    (r"no \.toml file", "Folder tidak berisi berkas .toml. Periksa nama folder.", "Check the name of the folder."),
    (
        r"the id .* must be",
        "Tulis id dengan huruf kecil, angka, dan tanda -, misalnya c-hasil-pilkades.",
        "Write the id like c-hasil-pilkades.",
    ),
    (
        r"the file is called",
        "Nama berkas dan id harus sama. Ganti salah satunya.",
        "Rename the file, or change the id.",
    ),
    (r"the id .* belongs to", "Id ini sudah dipakai formulir lain. Pilih id lain.", "Choose another id."),
    (
        r"tag .* belongs to",
        "Tag ini sudah dipakai formulir lain. Hapus `tag` bila tidak tercetak di formulir ini.",
        "A tag names one page of one form. Remove `tag` if it is not printed on this form.",
    ),
    (r"the form has no pages", "Belum ada halaman. Tambahkan bagian [[pages]].", "Add a part [[pages]]."),
    (
        r"^page \S+ appears",
        "Nomor halaman berulang. Beri tiap halaman nomornya sendiri.",
        "Give every page its own number.",
    ),
    (
        r"^field \S+ appears",
        "Nama field berulang. Beri tiap angka nama sendiri.",
        "Give every number a name of its own.",
    ),
    (
        r"^Excel column .* appears",
        "Judul kolom Excel berulang. Beri tiap angka `excel_column` sendiri.",
        "Give every number an `excel_column` of its own.",
    ),
    (
        r"^review order \S+ appears",
        "Urutan periksa berulang. Beri tiap angka `review_order` sendiri.",
        "Give every number a `review_order` of its own.",
    ),
    (r"^rule \S+ appears", "Id aturan berulang. Beri tiap aturan id sendiri.", "Give every rule an id of its own."),
    (
        r"^tag \S+ appears",
        "Satu tag dipakai dua halaman. Tiap halaman punya tag sendiri.",
        "Every page has a tag of its own.",
    ),
    (
        r"size must be positive",
        "Ukuran halaman harus lebih dari 0. Tulis `size_mm = [lebar, tinggi]` dalam mm.",
        "Write `size_mm = [width, height]` in mm.",
    ),
    (
        r"a box of .* overlaps",
        "Dua kotak angka bertumpuk. Periksa `boxes` kedua angka: x, y, dan size.",
        "Check `boxes` of both numbers: x, y and size.",
    ),
    (
        r"rule at .* leaves the page",
        "Garis ini keluar dari halaman. Urutannya [at, from, to, width, grey], from < to.",
        "Its order is [at, from, to, width, grey], from < to, all within size_mm.",
    ),
    (
        r"the fill at",
        "Bidang ini keluar dari halaman atau tidak punya luas. Urutannya [x, y, lebar, tinggi, grey].",
        "Its order is [x, y, width, height, grey].",
    ),
    (r"tag family", "Turus hanya mencari tag keluarga 36h10.", "Turus looks for tags of family 36h10 only."),
    (r"the tag needs four corners", "`quad_mm` berisi empat sudut [x, y].", "`quad_mm` holds four corners [x, y]."),
    (r"a field id is", "Tulis field dengan huruf kecil, angka, dan _, misalnya suara_sah.", "Write it like suara_sah."),
    (
        r"no boxes",
        "Angka ini belum punya kotak. Isi `boxes = { x = [...], y = ..., size = [...] }`.",
        "Write `boxes = { x = [...], y = ..., size = [...] }`.",
    ),
    (
        r"a box has no area",
        "Kotak tanpa luas. `size = [lebar, tinggi]` harus lebih dari 0.",
        "`size = [width, height]` must be above 0.",
    ),
    (
        r"boxes must run",
        "Kotak harus urut dari kiri ke kanan. Urutkan x dari kecil ke besar.",
        "Sort x from small to large.",
    ),
    (
        r"one bubble column",
        "Banyaknya x pada `bubbles` harus sama dengan banyaknya kotak.",
        "`bubbles` needs as many x as `boxes`.",
    ),
    (
        r"edges must increase",
        "Tepi kisi harus naik: x dari kiri ke kanan, y dari atas ke bawah.",
        "List x from left to right and y from the top down, at least two of each.",
    ),
    (
        r"leaves the page",
        "Bagian ini keluar dari halaman. Ukur ulang dalam mm dari sudut kiri atas; periksa size_mm.",
        "Measure it again in mm from the top-left corner, and check size_mm.",
    ),
    (
        r"is not a number of the form",
        "Aturan menyebut field yang tidak ada. Samakan namanya dengan `field` suatu angka.",
        "Write the name as in the `field` of a number.",
    ),
    (r"takes no total", "Aturan jenis ini tanpa `total`. Hapus baris `total`.", "Remove the line `total`."),
    (r"needs a total", 'Aturan jenis ini perlu `total`. Tambahkan `total = "..."`.', 'Add `total = "..."`.'),
    (r"no terms", 'Aturan tanpa suku. Isi `terms = ["..."]`.', 'Write `terms = ["..."]`.'),
    (
        r"takes one term",
        "Aturan jenis ini hanya punya satu suku. Buat satu aturan untuk tiap angka.",
        "Write one rule for each number.",
    ),
    (
        r"a field appears twice",
        "Satu angka tertulis dua kali dalam aturan ini. Hapus salah satunya.",
        "Remove one of the two.",
    ),
    (
        r"is missing",
        "Kunci ini wajib ada. Lihat tabel kunci di docs/forms.md.",
        "This key must be there. See the table of keys in docs/forms.md.",
    ),
    (
        r"is not a key here",
        "Kunci ini tidak dikenal di tempat ini. Periksa ejaan dan bagiannya (docs/forms.md).",
        "Check its spelling, and in which part it belongs (docs/forms.md).",
    ),
    (
        r"style must start",
        "Gaya teks diawali l, m, atau r (rata), dengan b untuk tebal.",
        "Write l, m or r, with b for bold.",
    ),
    (
        r"kind .* is not one of",
        "Jenis aturan tidak dikenal. Lihat tabel jenis di docs/forms.md.",
        "See the table of kinds in docs/forms.md.",
    ),
    (r"severity must be", '`severity` berisi "error" atau "warning".', 'Write "error" or "warning".'),
    (r"must be a finite number", "Tulis bilangan biasa, misalnya 300.", "Write a plain number such as 300."),
    (
        r"must be true or false",
        "Tulis true atau false tanpa tanda kutip.",
        "Write true or false without quotation marks.",
    ),
    (
        r"usual, from and to|<= usual <=",
        "Periksa [variants]: usual, from, dan to berupa bilangan bulat, from ≤ usual ≤ to.",
        "Check [variants].",
    ),
)
OTHERWISE: Final = Advice(
    "Nilai ini tidak dapat dibaca. Samakan bentuknya dengan contoh di docs/forms.md.",
    "This value cannot be read. Write it in the shape shown in docs/forms.md.",
)


def advice_on(problem: str) -> Advice:
    """How to mend a problem of a definition."""
    for pattern, indonesian, english in _ADVICE:
        if re.search(pattern, problem):
            return Advice(indonesian, english)
    return OTHERWISE


def line_of(problem: str, text: str) -> int | None:
    """The line of a definition's text, from 1, that a problem or warning speaks of; ``None`` without a place."""
    lines = text.splitlines()
    if found := re.search(r"at line (\d+)", problem):
        return int(found[1])
    if problem.startswith("not TOML"):
        return max(len(lines), 1)
    if found := re.match(r"(page|rule) entry (\d+)", problem):
        return _nth(lines, rf"\[\[{found[1]}s\]\]", int(found[2]))
    if found := re.match(r"(field|rule|page|Excel column|review order) (.+) appears (\d+) times", problem):
        key = {"rule": "id", "Excel column": "excel_column", "review order": "review_order"}.get(found[1], found[1])
        return _nth(lines, rf'{key} = "?{re.escape(found[2])}"?\s*(#.*)?$', int(found[3]))
    if found := re.match(r"page (\d+), (?:number )?([^:,]+)", problem) or re.match(r"number ()([^:,]+)", problem):
        return _nth(lines, rf'field = "{re.escape(found[2])}"', 1)
    if found := re.match(r"tag \S+[ -](\d+) (appears|belongs)", problem):
        return _nth(lines, rf"tag = .*\bid = {found[1]}\b", 2 if found[2] == "appears" else 1)
    if found := re.match(r"rule ([^:]+):", problem):
        return _nth(lines, rf'id = "{re.escape(found[1])}"', 1)
    if found := re.match(r"page (\d+)", problem):
        return _nth(lines, rf"page = {found[1]}\b", 1)
    if re.match(r"the (id|file)\b", problem):
        return _nth(lines, "id =", 1)
    return None


def _nth(lines: Sequence[str], pattern: str, n: int) -> int | None:
    at = [i for i, line in enumerate(lines, 1) if re.match(rf"\s*{pattern}", line)]
    return at[min(n, len(at)) - 1] if at else None


_ON_RULE, _BESIDE_RULE = 0.6, 3.0
"""Distances of a box's edge from a parallel rule, for pages of 900: on it, and too near to be another line."""
_FEWEST_RULES = 6


def warnings_about(forms: Sequence[FormDefinition]) -> list[Advice]:
    """What is worth a look in a sound definition file, each ``where: what``.

    Args:
        forms: the forms of the file: one, or its variants, the usual one first.
    """
    form, mine = forms[0], {f.id for f in forms}
    summed = {field for rule in form.rules for field in rule.fields}
    others = [load_form(form_id) for form_id in form_ids() if form_id not in mine]
    return [
        *(warning for page in form.pages for warning in _page_warnings(page, summed)),
        *map(_about_lookalike, find_lookalikes(form, others)),
    ]


def _about_lookalike(found: Lookalike) -> Advice:
    other = f"{found.other_form}, {found.other_page} ({found.likeness:.2f})"
    return Advice(
        f"halaman {found.page}: garisnya mirip halaman formulir {other}. Foto yang satu dapat disangka yang lain: "
        "uji dengan foto keduanya.",
        f"page {found.page}: its rules lie like those of form and page {other}. Photos of one may be taken for the "
        "other: try both.",
    )


def _page_warnings(page: Page, summed: Collection[str]) -> Iterator[Advice]:
    yield from _unfinished(page)
    yield from _unsummed(page, summed)
    yield from _few_rules(page)
    yield from _beside_rules(page)


def _unfinished(page: Page) -> Iterator[Advice]:
    fields = [n.field for n in page.numbers if n.label_id.startswith("ISI") or n.label_en.startswith("FILL IN")]
    if fields:
        yield Advice(
            f"halaman {page.page}, {fields[0]}: label belum diisi pada {', '.join(fields)}.",
            f"page {page.page}, {fields[0]}: labels are still to be filled in for {', '.join(fields)}.",
        )


def _unsummed(page: Page, summed: Collection[str]) -> Iterator[Advice]:
    fields = [n.field for n in page.numbers if n.field not in summed]
    if fields:
        listed = ", ".join(fields)
        yield Advice(
            f"halaman {page.page}, {fields[0]}: tidak ada aturan untuk {listed}; salah baca tak tampak dari jumlah. "
            "Tambahkan [[rules]] bila formulir mencetak penjumlahannya.",
            f"page {page.page}, {fields[0]}: no rule is about {listed}, so no sum shows a misreading. "
            "Add [[rules]] if the form prints a sum.",
        )


def _few_rules(page: Page) -> Iterator[Advice]:
    for axis, indonesian, english in (("h", "mendatar", "horizontal"), ("v", "tegak", "vertical")):
        count = sum(r.axis == axis for r in (*page.rules, *page.box_rules))
        if count < _FEWEST_RULES:
            yield Advice(
                f"halaman {page.page}: hanya {count} garis {indonesian}. Halaman dikenali dari garisnya: catat semua "
                "garis panjang.",
                f"page {page.page}: only {count} {english} rules. Pages are recognised by them: list every long one.",
            )


def _beside_rules(page: Page) -> Iterator[Advice]:
    for number in page.numbers:
        if any(_stands_beside(edge, page.rules) for edge in _edges(number)):
            yield Advice(
                f"halaman {page.page}, {number.field}: tepi kotak di samping suatu garis, tidak tepat padanya. "
                "Bila keduanya satu garis tercetak, ukur ulang salah satunya.",
                f"page {page.page}, {number.field}: an edge of its boxes lies beside a rule, not on it. If both "
                "are one printed line, measure one of them again.",
            )


def _edges(number: Number) -> list[Rule]:
    a = number.area_mm
    x1, y1 = a.x_mm + a.w_mm, a.y_mm + a.h_mm
    return [Rule("h", y, a.x_mm, x1, 0, 0) for y in (a.y_mm, y1)] + [
        Rule("v", x, a.y_mm, y1, 0, 0) for x in (a.x_mm, x1)
    ]


def _stands_beside(edge: Rule, rules: Sequence[Rule]) -> bool:
    along = [
        abs(r.at_mm - edge.at_mm)
        for r in rules
        if r.axis == edge.axis and r.from_mm <= edge.from_mm + _BESIDE_RULE and r.to_mm >= edge.to_mm - _BESIDE_RULE
    ]
    return _ON_RULE < min(along, default=0.0) < _BESIDE_RULE
