"""Secrets handed to people, and what is stored of them."""

import hashlib
import secrets

TOKEN_BYTES = 32
MAX_TOKEN_CHARS = 128

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Digits and letters that are not taken for one another when written by hand: without 0, 1, I, L, O."""

CODE_CHARS = 8


def new_token() -> str:
    """A token of 256 random bits, URL-safe (43 characters)."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> str:
    """What is stored of a token: SHA-256, hex. A plain hash is enough, because nobody can guess 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_code() -> str:
    """A short code that a person can type or say: 39 bits, useless without its phone number and five tries."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARS))


def tidy_code(typed: str) -> str:
    """A code as typed, without the spaces and dashes that people put in, in capitals."""
    return "".join(char for char in typed.upper() if not char.isspace() and char != "-")


def shown_code(code: str) -> str:
    """A code in two groups, as it is printed: ``7K2M-9QXA``."""
    return f"{code[:4]}-{code[4:]}"
