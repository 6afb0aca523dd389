"""What the service answers when something is wrong: a stable code, a status, and what to do next in two languages.

One shape everywhere (RFC 9457, ``application/problem+json``)::

    {"code": "unknown_tps", "status": 404, "title": "...", "message": {"id": "...", "en": "..."}, "details": {...}}
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ocr_pipeline.errors import TurusError


class Problem(NamedTuple):
    """One row of the table: HTTP status, text in Indonesian, text in English."""

    status: int
    message_id: str
    message_en: str


PROBLEMS: Mapping[str, Problem] = MappingProxyType(
    {
        # what was asked
        "bad_request": Problem(
            400, "Permintaan tidak dapat dipahami. Periksa isinya.", "The request cannot be understood. Check it."
        ),
        "invalid_fields": Problem(
            422, "Ada isian yang salah; lihat rinciannya.", "Some fields are wrong; see the details."
        ),
        "not_found": Problem(404, "Tidak ditemukan. Periksa alamatnya.", "Not found. Check the address."),
        "method_not_allowed": Problem(
            405, "Cara memanggil ini tidak tersedia di sini.", "This method is not available here."
        ),
        "unsupported_media_type": Problem(415, "Jenis isi tidak didukung.", "This kind of content is not supported."),
        "body_too_large": Problem(413, "Isi permintaan terlalu besar.", "The request's body is too large."),
        "changed_meanwhile": Problem(
            412,
            "Data ini sudah diubah orang lain. Muat ulang lalu ulangi.",
            "Somebody changed this meanwhile. Load it again and repeat.",
        ),
        "precondition_required": Problem(
            428,
            "Kirim If-Match dengan versi yang Anda lihat.",
            "Send If-Match with the version you saw.",
        ),
        "conflict": Problem(
            409,
            "Bertentangan dengan keadaan sekarang. Muat ulang.",
            "This conflicts with the present state. Load it again.",
        ),
        # who asks
        "not_logged_in": Problem(401, "Masuk terlebih dahulu.", "Log in first."),
        "session_ended": Problem(
            401,
            "Sesi sudah berakhir. Masuk lagi; foto di ponsel tetap aman.",
            "The session has ended. Log in again; photos on the phone are safe.",
        ),
        "forbidden": Problem(
            403, "Peran Anda tidak boleh melakukan ini. Hubungi PPK Anda.", "Your role may not do this. Ask your PPK."
        ),
        "foreign_region": Problem(
            403,
            "Wilayah ini di luar tugas Anda. Periksa kode TPS atau wilayahnya.",
            "This region is outside your duty. Check the station's or region's code.",
        ),
        "too_many_requests": Problem(
            429, "Terlalu sering. Tunggu sebentar lalu ulangi.", "Too often. Wait a moment and repeat."
        ),
        "cross_site": Problem(
            403, "Permintaan datang dari situs lain dan ditolak.", "The request came from another site and was refused."
        ),
        # what is away
        "database_away": Problem(
            503,
            "Basis data sedang tidak dapat dihubungi. Yang sudah terkirim aman; coba lagi sebentar lagi.",
            "The database cannot be reached. What was sent is safe; try again shortly.",
        ),
        "storage_away": Problem(
            503,
            "Penyimpanan foto sedang tidak dapat dihubungi. Yang sudah terkirim aman; coba lagi sebentar lagi.",
            "The photo storage cannot be reached. What was sent is safe; try again shortly.",
        ),
        "busy": Problem(503, "Server sedang sibuk. Coba lagi sebentar lagi.", "The server is busy. Try again shortly."),
        "stopping": Problem(
            503, "Server sedang dihentikan. Coba lagi sebentar lagi.", "The server is stopping. Try again shortly."
        ),
        "disk_full": Problem(
            507,
            "Penyimpanan server penuh. Yang sudah terkirim aman dan pengiriman akan berlanjut setelah ada tempat.",
            "The server's storage is full. What was sent is safe, and sending resumes when there is room.",
        ),
        "internal": Problem(
            500,
            "Kesalahan di server. Sudah dicatat; coba lagi, dan sebutkan nomor permintaan bila terulang.",
            "An error in the server. It was recorded; try again, and quote the request id if it happens again.",
        ),
        # elections and regions
        "unknown_election": Problem(
            404, "Pemilihan tidak dikenal. Periksa kodenya.", "Unknown election. Check its id."
        ),
        "unknown_tps": Problem(
            404, "TPS tidak dikenal. Periksa 13 angka kodenya.", "Unknown polling station. Check its 13 digits."
        ),
        "unknown_region": Problem(404, "Wilayah tidak dikenal. Periksa kodenya.", "Unknown region. Check its code."),
        "election_closed": Problem(
            409,
            "Pemilihan ini belum dibuka atau sudah ditutup. Simpan foto dan hubungi PPK.",
            "This election is not open yet or is closed. Keep the photo and ask the PPK.",
        ),
    }
)
"""Codes raised from more than one place; each package adds its own with :func:`register`."""

_table: dict[str, Problem] = dict(PROBLEMS)


def register(problems: Mapping[str, tuple[int, str, str]]) -> None:
    """Adds a package's codes to the table.

    Raises:
        ValueError: a code is there already with another meaning, or its status is no error.
    """
    for code, row in problems.items():
        problem = Problem(*row)
        if _table.get(code, problem) != problem or problem.status < 400:
            raise ValueError(f"error code {code} is taken or no error")
        _table[code] = problem


def problem_table() -> Mapping[str, Problem]:
    """All codes known now (docs/errors.md must name each)."""
    return MappingProxyType(_table)


class ServiceError(TurusError):
    """A failure with a code of the table.

    Attributes:
        status: HTTP status.
        retry_after_s: seconds after which trying again may help; sent as ``Retry-After``.
        details: plain JSON values for a program or a technician; never personal data.
        headers: further response headers.
    """

    def __init__(
        self,
        code: str,
        *,
        details: Mapping[str, Any] | None = None,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Looks the code up.

        Raises:
            KeyError: the code is not in the table (a programming error).
        """
        problem = _table[code]
        super().__init__(code, problem.message_id, problem.message_en)
        self.status = problem.status
        self.retry_after_s = (
            retry_after_s if retry_after_s is not None else {503: 5, 507: 60, 429: 30}.get(problem.status)
        )
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    def body(self, request_id: str | None = None) -> dict[str, Any]:
        """The JSON answer."""
        return problem_body(self.code, self.status, self.message_id, self.message_en, self.details, request_id)


def problem_body(
    code: str,
    status: int,
    message_id: str,
    message_en: str,
    details: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> dict[str, Any]:
    """The one shape of an error."""
    body: dict[str, Any] = {
        "type": f"urn:turus:error:{code}",
        "title": message_en,
        "status": status,
        "code": code,
        "message": {"id": message_id, "en": message_en},
        "details": dict(details or {}),
    }
    if request_id:
        body["request_id"] = request_id
    return body
