"""Codes that only batches give."""

from service.errors import register

register(
    {
        "batch_over": (
            409,
            "Kumpulan ini sudah selesai atau dibatalkan. Buat yang baru.",
            "This batch is done or cancelled. Make a new one.",
        ),
        "empty_batch": (
            409,
            "Tidak ada foto yang cocok dengan saringan ini. Ubah saringannya.",
            "No photo fits this filter. Change the filter.",
        ),
    }
)
