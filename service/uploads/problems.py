"""Codes that only uploads give."""

from service.errors import register

CHECKSUM_MISMATCH = 460
"""tus 1.0, extension checksum; used for every way in, so that one code has one status."""

register(
    {
        "photo_too_large": (
            413,
            "Berkas terlalu besar. Kirim foto asli dari ponsel, satu halaman per foto.",
            "The file is too large. Send the phone's original photo, one page per photo.",
        ),
        "too_many_pixels": (
            413,
            "Foto terlalu besar. Turunkan resolusi kamera, lalu foto ulang.",
            "The picture has too many pixels. Lower the camera's resolution and retake it.",
        ),
        "not_a_photo": (
            422,
            "Berkas ini bukan foto yang dapat dibaca. Pilih foto formulirnya lalu kirim ulang.",
            "This file is not a photo that can be read. Choose the photo of the form and send it again.",
        ),
        "checksum_mismatch": (
            CHECKSUM_MISMATCH,
            "Foto berubah di perjalanan. Kirim ulang.",
            "The photo changed on its way. Send it again.",
        ),
        "unknown_page": (
            422,
            "Formulir pemilihan ini tidak punya halaman itu. Periksa nomor halaman, atau kosongkan.",
            "The forms of this election have no such page. Check the page number, or leave it out.",
        ),
        "unknown_replaced": (
            422,
            "Foto yang akan diganti tidak ada pada TPS ini. Kirim sebagai foto baru.",
            "The photo to be replaced is not one of this station. Send it as a new photo.",
        ),
        "too_many_photos": (
            409,
            "Akun ini sudah mengirim terlalu banyak foto untuk TPS ini. Minta PPK mengirimkan foto yang kurang.",
            "This account has sent too many photos of this station. Ask the PPK to send what is missing.",
        ),
        "not_yours_to_replace": (
            403,
            "KPPS hanya dapat mengganti foto yang dikirim KPPS TPS itu sendiri. Kirim sebagai foto baru.",
            "KPPS may replace only photos that the KPPS of this station sent. Send it as a new photo.",
        ),
        "upload_interrupted": (
            400,
            "Kiriman terputus. Lanjutkan dari tempat terakhir.",
            "The upload was cut off. Go on from where it stopped.",
        ),
        "upload_stalled": (
            408,
            "Terlalu lama tidak ada data. Yang sudah terkirim aman; lanjutkan.",
            "Nothing came for too long. What was sent is safe; go on.",
        ),
        "upload_taken_over": (
            409,
            "Kiriman ini dilanjutkan lewat sambungan lain. Tidak ada yang perlu diulang.",
            "This upload goes on over another connection. Nothing has to be repeated.",
        ),
        "unknown_upload": (404, "Kiriman ini tidak ada. Mulai lagi.", "There is no such upload. Start again."),
        "upload_gone": (
            410,
            "Kiriman ini sudah kedaluwarsa atau dibatalkan. Mulai lagi.",
            "This upload has expired or was cancelled. Start again.",
        ),
        "upload_done": (
            409,
            "Foto ini sudah diterima dan tidak dapat dibatalkan di sini. Tarik fotonya bila salah.",
            "This photo has been received and cannot be cancelled here. Withdraw the photo if it is wrong.",
        ),
        "offset_conflict": (
            409,
            "Posisi kiriman tidak cocok. Tanyakan posisi terakhir (HEAD) lalu lanjutkan dari sana.",
            "The offset is not where the upload stands. Ask for it (HEAD) and go on from there.",
        ),
        "upload_too_long": (
            413,
            "Data lebih banyak daripada ukuran yang disebut di awal. Mulai lagi kiriman ini.",
            "More bytes than the size announced at the start. Start this upload again.",
        ),
        "upload_locked": (
            423,
            "Kiriman ini sedang dipakai sambungan lain. Coba lagi sebentar lagi.",
            "Another connection is using this upload. Try again shortly.",
        ),
        "too_many_uploads": (
            429,
            "Terlalu banyak kiriman yang belum selesai. Selesaikan atau batalkan dahulu.",
            "Too many unfinished uploads. Finish or cancel some first.",
        ),
        "tus_version": (412, "Versi tus tidak didukung. Pakai 1.0.0.", "This version of tus is not spoken. Use 1.0.0."),
        "unknown_receipt": (
            404,
            "Tanda terima ini tidak ada. Periksa nomornya.",
            "There is no such receipt. Check its id.",
        ),
    }
)
