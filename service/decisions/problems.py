"""Codes of what people may say about a number, and when."""

from service.errors import register

register(
    {
        "unknown_field": (
            422,
            "Angka ini tidak ada di formulir pemilihan ini. Periksa nama isiannya.",
            "The forms of this election have no such number. Check the field.",
        ),
        "value_out_of_range": (
            422,
            "Nilai ini tidak muat di kotak formulir. Periksa angkanya.",
            "This value does not fit the form's boxes. Check the number.",
        ),
        "said_twice": (
            422,
            "Satu angka disebut dua kali. Kirim tiap angka sekali.",
            "One number is named twice. Send each number once.",
        ),
        "photo_not_of_tps": (
            422,
            "Foto ini bukan milik TPS ini, atau sudah ditarik. Pilih foto yang benar.",
            "This photo does not lie under this station, or was withdrawn. Choose the right photo.",
        ),
        "no_photo_to_confirm": (
            409,
            "TPS ini belum punya foto. Unggah fotonya dahulu, lalu tetapkan angkanya.",
            "This station has no photo yet. Upload it first, then confirm its numbers.",
        ),
        "election_not_begun": (
            409,
            "Pemilihan ini belum dibuka. Tunggu sampai KPU membukanya.",
            "This election has not been opened yet. Wait until the KPU opens it.",
        ),
        "pleno_not_open": (
            409,
            "Pleno kecamatan belum dibuka. Hasil TPS hanya diubah dalam pleno; minta PPK membukanya.",
            "The kecamatan's pleno is not open. Results are changed in the pleno only; ask the PPK to open it.",
        ),
        "pleno_finalised": (
            409,
            "Pleno kecamatan sudah ditetapkan; hasilnya tidak dapat berubah lagi. Hubungi KPU kabupaten/kota.",
            "The kecamatan's pleno is finalised; its results cannot change any more. Ask the KPU of the city.",
        ),
        "pleno_incomplete": (
            409,
            "Belum semua TPS terverifikasi. Selesaikan, atau tetapkan dengan alasan.",
            "Not every station is verified. Finish them, or finalise with a reason.",
        ),
    }
)
