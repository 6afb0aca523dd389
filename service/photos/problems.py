"""Codes that only photos give."""

from service.errors import register

register(
    {
        "not_ready": (
            404,
            "Foto ini belum dibaca. Tunggu sebentar lalu ulangi.",
            "This photo has not been read yet. Wait a moment and repeat.",
        ),
        "no_view": (
            404,
            "Foto ini tidak dapat ditampilkan karena berkasnya tidak terbaca. Kirim foto lain.",
            "This photo cannot be shown because its file could not be read. Send another photo.",
        ),
        "no_crop": (
            404,
            "Potongan itu tidak ada: formulirnya tidak memuat baris terbilang untuk angka ini, atau foto dibaca oleh "
            "versi lama. Lihat fotonya, atau minta foto dibaca ulang.",
            "There is no such crop: the form has no words line for this number, or the photo was read by an older "
            "version. Look at the photo, or ask for it to be read again.",
        ),
        "photo_erased": (
            410,
            "Foto ini sudah dihapus setelah masa simpannya berakhir. Angka dan jejak auditnya tetap ada.",
            "This photo was erased when its term ended. Its numbers and its audit trail remain.",
        ),
        "not_your_photo": (
            403,
            "KPPS hanya dapat menarik foto yang dikirimnya sendiri. Hubungi PPK Anda.",
            "KPPS may withdraw only photos that it sent itself. Ask your PPK.",
        ),
        "nothing_to_change": (
            409,
            "Foto ini sudah dalam keadaan itu. Muat ulang.",
            "The photo is already so. Load it again.",
        ),
        "photo_withdrawn": (
            409,
            "Foto ini sudah ditarik. Pulihkan dahulu sebelum mengubahnya.",
            "This photo was withdrawn. Restore it before changing it.",
        ),
        "alarm_cleared": (
            409,
            "Peringatan ini sudah diselesaikan orang lain. Muat ulang.",
            "Somebody has already cleared this alarm. Load it again.",
        ),
    }
)
