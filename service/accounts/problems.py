"""Codes of this package. Those about getting in say the same for every cause, so that nobody can find out accounts."""

from service.errors import register

register(
    {
        "login_failed": (
            401,
            "Nama masuk atau kata sandi salah, atau akun sedang dikunci. Tunggu beberapa menit lalu ulangi.",
            "Wrong login or password, or the account is locked. Wait some minutes and try again.",
        ),
        "activation_failed": (
            401,
            "Tautan atau kode salah, sudah dipakai, atau kedaluwarsa. Minta yang baru kepada PPK Anda.",
            "The link or code is wrong, used or expired. Ask your PPK for a new one.",
        ),
        "password_needed": (
            422,
            "Peran ini memerlukan kata sandi. Isi kata sandi baru.",
            "This role needs a password. Choose one.",
        ),
        "weak_password": (
            422,
            "Kata sandi: 10 sampai 128 karakter, sedikitnya 4 yang berbeda, bukan nama masuk atau nomor telepon.",
            "A password has 10 to 128 characters, at least 4 different ones, and is not the login or phone number.",
        ),
        "wrong_password": (422, "Kata sandi lama salah.", "The old password is wrong."),
        "bad_phone": (
            422,
            "Nomor telepon seluler tidak dikenali. Tulis seperti 0812 3456 7890.",
            "Not a mobile phone number. Write it like 0812 3456 7890.",
        ),
        "bad_login": (
            422,
            "Nama masuk terdiri atas 3 sampai 64 huruf kecil, angka, titik, - atau _, dan memuat sebuah huruf.",
            "A login has 3 to 64 lower-case letters, digits, dots, - or _, among them a letter.",
        ),
        "bad_name": (
            422,
            "Nama harus 1 sampai 80 karakter tanpa karakter kendali.",
            "A name has 1 to 80 characters and no control characters.",
        ),
        "bad_scope": (
            422,
            "Kode wilayah tidak cocok dengan peran; lihat rinciannya.",
            "The region's code does not fit the role; see the details.",
        ),
        "login_or_phone_needed": (
            422,
            "Isi nomor telepon atau nama masuk.",
            "Give a phone number or a login.",
        ),
        "login_taken": (409, "Nama masuk sudah dipakai. Pilih yang lain.", "This login is taken. Choose another."),
        "phone_taken": (
            409,
            "Nomor telepon sudah dipakai akun lain. Periksa nomornya.",
            "This phone number belongs to another account. Check it.",
        ),
        "unknown_account": (
            404,
            "Akun tidak dikenal. Periksa penulisannya.",
            "Unknown account. Check how it is written.",
        ),
        "unknown_session": (404, "Sesi tidak dikenal atau sudah berakhir.", "Unknown session, or over already."),
        "role_out_of_reach": (
            403,
            "Peran Anda tidak boleh mengelola akun dengan peran itu.",
            "Your role may not manage accounts of that role.",
        ),
        "account_disabled": (
            409,
            "Akun dinonaktifkan. Aktifkan kembali terlebih dahulu.",
            "The account is disabled. Enable it first.",
        ),
        "account_erased": (
            409,
            "Data pribadi akun ini sudah dihapus; akun tidak dapat dipakai lagi. Buat akun baru.",
            "The personal data of this account were erased; it cannot be used again. Create a new one.",
        ),
        "own_account": (
            409,
            "Anda tidak dapat melakukan ini pada akun sendiri.",
            "You cannot do this to your own account.",
        ),
        "last_admin": (
            409,
            "Ini administrator aktif terakhir. Aktifkan administrator lain dahulu.",
            "This is the last active administrator. Activate another one first.",
        ),
    }
)
