"""A photo in a form (``multipart/form-data``, RFC 7578), taken in as a stream: the file goes to disk as it comes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.errors import ServiceError
from service.uploads.claims import Claim
from service.uploads.reception import FileSink

FILE_FIELD: Final = "photo"
FIELDS: Final = frozenset(Claim.model_fields) - {"filename", "filetype"}
"""Names of the other fields; the file's name and type come with the file."""

MAX_HEADERS: Final = 32
MAX_FIELD_BYTES: Final = 4096
MAX_HEADER_BYTES: Final = 4096


@dataclass(slots=True)
class _Part:
    headers: dict[str, bytes] = field(default_factory=dict)
    name: str = ""
    is_file: bool = False
    is_known: bool = False
    value: bytearray = field(default_factory=bytearray)


class FormSink:
    """A :class:`service.uploads.reception.Sink` that takes a form apart.

    The file must be the field ``photo``; the other fields are short texts, before or after it. Those that a claim has
    not are skipped.
    """

    def __init__(self, content_type: str, file: FileSink) -> None:
        """Prepares for a body of this type.

        Raises:
            ServiceError: ``unsupported_media_type`` for anything but a form with a boundary.
        """
        kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 200:
            raise ServiceError("unsupported_media_type", details={"wanted": "multipart/form-data; boundary=..."})
        self.file = file
        self.has_file = False
        self.is_whole = False
        self._fields: dict[str, str] = {}
        self._part = _Part()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._file_bytes: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    @property
    def fields(self) -> Mapping[str, str]:
        """The texts so far, and the file's name and type."""
        return self._fields

    async def write(self, data: bytes) -> None:
        """Takes a piece of the body.

        Raises:
            ServiceError: ``bad_request`` for a body that is no form; ``disk_full``, ``storage_away``.
        """
        try:
            self._parser.write(data)
        except (FormParserError, UnicodeError) as error:
            raise _bad_form("not a form") from error
        for piece in self._file_bytes:
            await self.file.write(piece)
        self._file_bytes.clear()

    async def flush(self) -> None:
        """Hands on what was gathered."""
        await self.file.flush()

    def _on_part_begin(self) -> None:
        self._part = _Part()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]
        self._check_header()

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        self._check_header()

    def _on_header_end(self) -> None:
        self._part.headers[self._header_name.decode("latin-1").lower()] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()
        if len(self._part.headers) > MAX_HEADERS:
            raise _bad_form("too many headers")

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._part.headers.get("content-disposition", b""))
        self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
        self._part.is_known = self._part.name in FIELDS
        self._part.is_file = self._part.name == FILE_FIELD
        if self._part.is_file:
            if self.has_file:
                raise _bad_form("one photo at a time")
            self.has_file = True
            self._fields["filename"] = options.get(b"filename", b"").decode("utf-8", "replace")
            self._fields["filetype"] = self._part.headers.get("content-type", b"").decode("latin-1")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_file:
            self._file_bytes.append(data[start:end])
            return
        if not self._part.is_known:
            return
        self._part.value += data[start:end]
        if len(self._part.value) > MAX_FIELD_BYTES:
            raise _bad_form("a field is too long")

    def _on_part_end(self) -> None:
        if self._part.is_known:
            if self._part.name in self._fields:
                raise _bad_form("a field twice")
            self._fields[self._part.name] = self._part.value.decode()

    def _on_end(self) -> None:
        self.is_whole = True

    def _check_header(self) -> None:
        if len(self._header_name) + len(self._header_value) > MAX_HEADER_BYTES:
            raise _bad_form("a header is too long")


def _bad_form(why: str) -> ServiceError:
    return ServiceError("bad_request", details={"form": why}, headers={"Connection": "close"})
