"""Model cards as TOML: the standard library reads TOML and does not write it, and a card needs little of it."""

from collections.abc import Mapping
from pathlib import Path


def write_card(path: Path, card: Mapping[str, object]) -> None:
    """Write a card as TOML."""
    path.write_text(toml_text(card), encoding="utf-8")


def toml_text(table: Mapping[str, object], prefix: str = "") -> str:
    """A nested mapping of strings, numbers, booleans, flat lists and mappings as TOML."""
    inline, sections = [], []
    for name, value in table.items():
        if not isinstance(value, Mapping):
            inline.append(f"{_key(name)} = {_value(value)}")
        elif prefix and value and not any(isinstance(item, Mapping) for item in value.values()):
            pairs = ", ".join(f"{_key(inner)} = {_value(item)}" for inner, item in value.items())
            inline.append(f"{_key(name)} = {{ {pairs} }}")
        else:
            path = f"{prefix}{_key(name)}"
            sections.append(f"\n[{path}]\n" + toml_text(value, path + "."))
    return "\n".join(inline) + ("\n" if inline else "") + "".join(sections)


def _key(name: str) -> str:
    return name if name.replace("-", "_").isidentifier() and name.isascii() else '"' + name + '"'


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
