"""The one error tree of the reader.

Every error has a stable ``code``, a message in Indonesian and one in English. The messages say what to do next,
because they are read by a tired officer, not by the person who wrote this file. ``PhotoRejected`` covers everything
that can be wrong with one photo; its codes are the ``reason`` values of the reading contract.
"""

from collections.abc import Mapping
from types import MappingProxyType


class TurusError(Exception):
    """Root of the tree.

    Attributes:
        code: stable machine-readable code, lower snake case.
        message_id: what happened and what to do next, in Indonesian.
        message_en: the same in English.
    """

    def __init__(self, code: str, message_id: str, message_en: str) -> None:
        super().__init__(f"{code}: {message_en}")
        self.code = code
        self.message_id = message_id
        self.message_en = message_en


class DefinitionError(TurusError):
    """A form definition is wrong; ``problems`` lists every mistake found, each one sentence."""

    def __init__(self, name: str, problems: tuple[str, ...]) -> None:
        listed = "; ".join(problems)
        super().__init__(
            "bad_definition",
            f"Definisi formulir {name} salah: {listed}. Perbaiki berkas TOML lalu jalankan `turus form check`.",
            f"Form definition {name} is wrong: {listed}. Mend the TOML file, then run `turus form check`.",
        )
        self.problems = problems


class UnknownFormError(TurusError):
    """A form id that is not in the library."""

    def __init__(self, form_id: str, known: tuple[str, ...]) -> None:
        listed = ", ".join(known)
        super().__init__(
            "unknown_form",
            f"Formulir {form_id} tidak ada di pustaka. Yang ada: {listed}.",
            f"Form {form_id} is not in the library. Known forms: {listed}.",
        )


class SourceError(TurusError):
    """A clean page from which no definition can be made."""

    def __init__(self, detail_id: str, detail_en: str) -> None:
        super().__init__("bad_source", detail_id, detail_en)


class ModelError(TurusError):
    """A model file or its card is missing, damaged or does not belong together."""

    def __init__(self, detail_id: str, detail_en: str) -> None:
        super().__init__(
            "bad_model",
            f"Model tidak dapat dipakai: {detail_id}. Pasang ulang Turus.",
            f"The model cannot be used: {detail_en}. Reinstall Turus.",
        )


class LabelsError(TurusError):
    """A labels file that cannot be read as described in the reading contract."""

    def __init__(self, detail_id: str, detail_en: str) -> None:
        super().__init__("bad_labels", f"Berkas label salah: {detail_id}.", f"The labels file is wrong: {detail_en}.")


class EvidenceError(TurusError):
    """Stored evidence of a page that cannot be unpacked; its photo has to be read again."""

    def __init__(self, detail_id: str, detail_en: str) -> None:
        super().__init__(
            "bad_evidence",
            f"Bukti bacaan yang tersimpan tidak dapat dipakai: {detail_id}. Baca ulang fotonya.",
            f"The stored evidence of a reading cannot be used: {detail_en}. Read its photo again.",
        )


REASONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "missing": (
            "Berkas tidak ditemukan. Periksa nama dan foldernya.",
            "The file was not found. Check its name and folder.",
        ),
        "not_a_file": (
            "Ini bukan berkas foto (folder atau berkas khusus). Pilih satu berkas foto.",
            "This is not a photo file (a folder or a special file). Choose one photo file.",
        ),
        "unreadable_file": (
            "Berkas rusak, terpotong, atau bukan gambar. Kirim ulang foto aslinya.",
            "The file is damaged, cut off or not an image. Send the original photo again.",
        ),
        "encrypted": (
            "Berkas terkunci kata sandi. Simpan tanpa kata sandi lalu kirim ulang.",
            "The file is locked with a password. Save it without one and send it again.",
        ),
        "animated": (
            "Berkas ini gambar bergerak. Kirim satu foto diam.",
            "This file is an animation. Send one still photo.",
        ),
        "too_large": (
            "Foto terlalu besar. Kirim foto paling besar 64 MB dan 64 megapiksel.",
            "The photo is too large. Send at most 64 MB and 64 megapixels.",
        ),
        "not_a_form": (
            "Tidak terlihat formulir penghitungan suara. Foto seluruh lembar C.Hasil dari depan.",
            "No tally form can be seen. Photograph the whole C.Hasil sheet from the front.",
        ),
        "unknown_form": (
            "Formulir ini tidak ada di pustaka Turus. Periksa apakah lembarnya benar.",
            "This form is not in the library of Turus. Check that it is the right sheet.",
        ),
        "wrong_form": (
            "Ini formulir lain dari yang diminta. Foto formulir yang benar.",
            "This is another form than the one asked for. Photograph the right form.",
        ),
        "wrong_page": (
            "Ini halaman lain dari yang diminta. Foto halaman yang benar.",
            "This is another page than the one asked for. Photograph the right page.",
        ),
        "several_forms": (
            "Ada lebih dari satu formulir dalam foto. Foto satu lembar saja.",
            "There is more than one form in the photo. Photograph one sheet only.",
        ),
        "not_registered": (
            "Formulir dikenali, tetapi garisnya tidak dapat dicocokkan. Ratakan kertas dan foto ulang dari depan.",
            "The form was recognised but its lines cannot be matched. Flatten the paper and retake from the front.",
        ),
        "cropped": (
            "Sebagian angka berada di luar foto. Foto ulang dengan seluruh lembar terlihat.",
            "Some numbers lie outside the photo. Retake it with the whole sheet in view.",
        ),
        "blurred": (
            "Foto kabur. Tahan ponsel dengan mantap, tunggu fokus, lalu foto ulang.",
            "The photo is blurred. Hold the phone still, wait for focus and retake it.",
        ),
        "too_dark": (
            "Foto terlalu gelap. Tambah cahaya lalu foto ulang.",
            "The photo is too dark. Add light and retake it.",
        ),
        "glare": (
            "Ada pantulan cahaya pada angka. Ubah sudut atau matikan lampu kilat lalu foto ulang.",
            "Light is reflected on the numbers. Change the angle or switch off the flash and retake it.",
        ),
        "low_resolution": (
            "Foto terlalu kecil untuk dibaca. Kirim foto asli, bukan salinan kecil dari aplikasi pesan.",
            "The photo is too small to read. Send the original, not a small copy from a messenger.",
        ),
    }
)
"""Every reason a photo can be refused for: (what to do in Indonesian, in English)."""


class PhotoRejected(TurusError):
    """One photo is refused with a reason of :data:`REASONS`; the batch goes on.

    Raises:
        KeyError: the reason is not in the table (a programming error).
    """

    def __init__(self, reason: str, detail: str | None = None) -> None:
        message_id, message_en = REASONS[reason]
        super().__init__(reason, message_id, message_en)
        self.reason = reason
        self.detail = detail
