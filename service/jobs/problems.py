"""Codes of reading work."""

import service.blobs.problems  # noqa: F401 - a photo can fail with blob_missing
from service.errors import register

register(
    {
        "reader_crashed": (
            500,
            "Program pembaca berhenti setiap kali membaca foto ini. Foto aman tersimpan; baca angkanya dengan mata.",
            "The reader broke on this photo every time. The photo is safe; read its numbers by eye.",
        ),
        "reader_timeout": (
            500,
            "Pembacaan foto ini terlalu lama setiap kali. Foto aman tersimpan; baca angkanya dengan mata.",
            "Reading this photo took too long every time. The photo is safe; read its numbers by eye.",
        ),
        "worker_runs": (
            409,
            "Pekerja di slot ini sudah berjalan. Pilih slot lain dengan --slot.",
            "A worker already runs in this slot. Choose another one with --slot.",
        ),
        "reading_fault": (
            500,
            "Kesalahan program saat memproses foto ini. Foto aman tersimpan; sudah dicatat untuk teknisi.",
            "A fault in the program while processing this photo. The photo is safe; it was recorded for a technician.",
        ),
    }
)
