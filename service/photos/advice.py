"""What happened to a photo and what to do next, in both languages, for the person who sent it."""

from collections.abc import Mapping
from types import MappingProxyType

import service.jobs.problems  # noqa: F401 - the codes that a photo can fail with
from ocr_pipeline.errors import REASONS
from service.errors import problem_table
from service.report.words import Words

ADVICE: Mapping[str, Words] = MappingProxyType(
    {
        "received": Words(
            "Foto sudah aman tersimpan. Pembacaan menyusul; Anda tidak perlu menunggu.",
            "The photo is safely stored. Reading follows; you need not wait.",
        ),
        "accepted": Words(
            "Semua angka terbaca. Cocokkan dengan formulir Anda.",
            "Every number was read. Compare them with your form.",
        ),
        "review": Words(
            "Sebagian angka perlu dilihat orang. Periksa angka yang ditandai.",
            "Some numbers need a person. Check the marked ones.",
        ),
        "rejected": Words(
            "Foto ini tidak dapat dibaca. Foto ulang seluruh lembar dari depan, dengan cahaya cukup.",
            "This photo cannot be read. Retake the whole sheet from the front, in good light.",
        ),
        "failed": Words(
            "Foto aman tersimpan, tetapi program tidak berhasil membacanya. Foto ulang bila masih bisa; bila tidak, "
            "PPK akan membacanya sendiri.",
            "The photo is safely stored, but the program could not read it. Retake it if you still can; if not, the "
            "PPK will read it.",
        ),
        "withdrawn": Words(
            "Foto ini ditarik dan tidak dihitung. Kirim foto lain untuk halaman ini.",
            "This photo was withdrawn and does not count. Send another photo of this page.",
        ),
        "replaced": Words(
            "Foto ini sudah diganti dengan foto yang lebih baru.",
            "This photo was replaced by a newer one.",
        ),
        "erased": Words(
            "Foto ini sudah dihapus setelah masa simpannya berakhir.",
            "This photo was erased when its term ended.",
        ),
    }
)
"""By state, and for photos that were read by outcome; refused ones get the text of their reason."""


def advice(state: str, outcome: str | None, reason: str | None, replaced: bool = False, erased: bool = False) -> Words:
    """What to do next about a photo.

    Args:
        state: ``received``, ``read``, ``failed`` or ``withdrawn``.
        outcome: of its newest reading, if there is one.
        reason: why the reader refused it, one of :data:`ocr_pipeline.errors.REASONS`.
        replaced: a later photo is its retake.
        erased: its file is gone because its term ended.
    """
    if erased:
        return ADVICE["erased"]
    if state == "withdrawn":
        return ADVICE["withdrawn"]
    if replaced:
        return ADVICE["replaced"]
    if state != "read":
        return ADVICE[state]
    if outcome == "rejected":
        return reason_words(reason or "")
    return ADVICE[outcome or "received"]


def reason_words(reason: str) -> Words:
    """Why a photo was refused; a reason from a newer reader than this program gets a general text."""
    return Words(*REASONS[reason]) if reason in REASONS else ADVICE["rejected"]


def failure_words(code: str) -> Words:
    """Why the reader broke on a photo, from the table of errors."""
    problem = problem_table().get(code)
    return Words(problem.message_id, problem.message_en) if problem else ADVICE["failed"]
