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
            "Berkas tidak ditemukan. Periksa nama berkas dan foldernya, lalu ulangi.",
            "The file was not found. Check its name and folder, then try again.",
        ),
        "not_a_file": (
            "Ini folder atau berkas khusus, bukan foto. Pilih satu berkas foto.",
            "This is a folder or a special file, not a photo. Choose one photo file.",
        ),
        "unreadable_file": (
            "Berkas rusak, terpotong, atau jenisnya tidak dikenal. Kirim ulang foto aslinya sebagai JPEG, "
            "atau foto ulang lembarnya.",
            "The file is damaged, cut off or of an unknown kind. Send the original photo again as a JPEG, or "
            "take a new one.",
        ),
        "encrypted": (
            "Berkas terkunci kata sandi. Simpan tanpa kata sandi, atau kirim foto lembarnya.",
            "The file is locked with a password. Save it without one, or send a photo of the sheet.",
        ),
        "animated": (
            "Ini gambar bergerak. Kirim foto biasa, bukan animasi.",
            "This is a moving picture. Send an ordinary photo, not an animation.",
        ),
        "too_large": (
            "Berkas terlalu besar: paling besar 64 MB, 64 megapiksel, dan 300 halaman. Turunkan resolusi "
            "kamera, atau bagi berkasnya.",
            "The file is too large: at most 64 MB, 64 megapixels and 300 pages. Lower the camera's "
            "resolution, or split the file.",
        ),
        "not_a_form": (
            "Tidak terlihat formulir dalam foto ini. Foto satu lembar utuh dari depan, sampai semua tepinya terlihat.",
            "No form can be seen in this photo. Photograph one whole sheet from the front, with all its edges in view.",
        ),
        "unknown_form": (
            "Ada formulir, tetapi bukan yang dikenal Turus (mungkin dari tahun atau pemilihan lain). "
            "Pastikan lembarnya benar, lalu foto seluruhnya dari depan.",
            "There is a form, but none that Turus knows (another year or election, perhaps). Make sure it is "
            "the right sheet, then photograph all of it from the front.",
        ),
        "wrong_form": (
            "Ini formulir lain, bukan yang diminta. Cari lembar yang diminta, lalu foto lembar itu.",
            "This is another form than the one asked for. Find the right sheet and photograph that one.",
        ),
        "wrong_page": (
            "Ini halaman lain, bukan yang diminta. Lihat nomor halaman di lembar, lalu foto halaman yang diminta.",
            "This is another page than the one asked for. Look for the page number on the sheet and "
            "photograph the right page.",
        ),
        "several_forms": (
            "Ada lebih dari satu lembar dalam foto. Foto setiap lembar sendiri-sendiri.",
            "There is more than one sheet in the photo. Photograph each sheet by itself.",
        ),
        "not_registered": (
            "Formulir dikenali, tetapi garis di sekitar angkanya tidak terlihat jelas. Ratakan lembar, "
            "singkirkan tangan dan benda di atasnya, lalu foto ulang dari depan.",
            "The form was recognised, but the lines around its numbers cannot be made out. Flatten the "
            "sheet, take hands and things off it, and retake the photo from the front.",
        ),
        "cropped": (
            "Sebagian lembar berada di luar foto. Mundur sampai keempat sudut lembar terlihat, lalu foto ulang.",
            "Part of the sheet lies outside the photo. Step back until all four corners are in view, then retake it.",
        ),
        "blurred": (
            "Foto kabur. Bersihkan lensa, tahan ponsel dengan dua tangan, ketuk layar pada angka agar fokus, "
            "lalu foto ulang.",
            "The photo is blurred. Wipe the lens, hold the phone with both hands, tap the numbers on the "
            "screen to focus, then retake it.",
        ),
        "too_dark": (
            "Foto terlalu gelap. Nyalakan lampu atau pindah ke tempat terang, jangan menghalangi cahaya, "
            "lalu foto ulang.",
            "The photo is too dark. Switch on a lamp or go where it is bright, do not stand in the light, "
            "then retake it.",
        ),
        "glare": (
            "Pantulan cahaya menutupi angka. Matikan lampu kilat, lepas plastiknya, atau geser sedikit ke "
            "samping, lalu foto ulang.",
            "A reflection hides numbers. Switch off the flash, take off the plastic cover, or move a little "
            "to the side, then retake it.",
        ),
        "low_resolution": (
            "Angka di foto ini terlalu kecil. Maju sampai lembar memenuhi layar, dan kirim foto aslinya, "
            "bukan salinan kecil dari aplikasi pesan.",
            "The numbers in this photo are too small. Go closer until the sheet fills the screen, and send "
            "the original, not a small copy from a messenger.",
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
