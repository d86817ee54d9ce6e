"""What a topic's samples are made of, as the robot publishes it, and numpy's word for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import LayoutError

SCHEMA = "triune.topic/1"
HEADER = np.dtype([("layout", "<u8"), ("session", "<u8"), ("sequence", "<u8"), ("at", "<u8")])
"""What stands before the body of every sample: 32 bytes."""

_SIZES = {"u1": 1, "u4": 4, "u8": 8, "i4": 4, "f4": 4, "f8": 8}
_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_BODY_MAX = 1 << 20


def fnv1a(data: bytes) -> int:
    """FNV-1a, 64 bit, of ``data``."""
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return value


@dataclass(frozen=True)
class Field:
    """One field of a sample.

    Attributes:
        name: Its name.
        type: What one number is, as numpy writes it: u1, u4, u8, i4, f4 or f8.
        offset: From the start of the body, bytes.
        count: How many numbers; 1 is a single one.
        used_by: Name of the field that says how many of them are in use.
        unit: Unit of the numbers; ``utf-8`` for text, empty for counts and flags.
        frame: The frame they are given in; empty where that means nothing.
        about: What it means.
    """

    name: str
    type: str
    offset: int
    count: int
    used_by: str | None
    unit: str
    frame: str
    about: str

    @property
    def is_text(self) -> bool:
        """It is text, filled up with zeros."""
        return self.type == "u1" and self.unit == "utf-8"

    @property
    def bytes(self) -> int:
        """Its size."""
        return _SIZES[self.type] * self.count

    @property
    def dtype(self) -> np.dtype[Any]:
        """Numpy's type of it, an array as a sub-array and text as bytes."""
        if self.is_text:
            return np.dtype(f"S{self.count}")
        number = np.dtype(f"<{self.type}")
        return number if self.count == 1 else np.dtype((number, (self.count,)))


def layout_hash(fields: Sequence[Field]) -> int:
    """Hash of a layout: FNV-1a over ``name:type:offset:count:unit:frame;`` of each field."""
    parts = (f"{f.name}:{f.type}:{f.offset}:{f.count}:{f.unit}:{f.frame};" for f in fields)
    return fnv1a("".join(parts).encode())


@dataclass(frozen=True)
class Schema:
    """What a program must know to read or write a topic.

    Attributes:
        key: ``<layer>/<topic>``, the end of its key.
        about: What its samples hold.
        layout: Hash of the layout; each sample carries it.
        size: Bytes of the body.
        code: Bytes of the code behind the body; 0 where no lease is needed.
        direction: ``out`` from the robot, ``in`` to it.
        stream: Every sample counts; else only the newest does.
        rate_hz: How often a sample comes at most, 1/s; 0 where that depends on what happens.
        fields: The fields, in order and without gaps.
        dtype: Numpy's type of the body.
    """

    key: str
    about: str
    layout: int
    size: int
    code: int
    direction: str
    stream: bool
    rate_hz: float
    fields: tuple[Field, ...]
    dtype: np.dtype[Any]

    @classmethod
    def parse(cls, said: object) -> Schema:
        """Reads a schema and checks that it holds together.

        Raises:
            LayoutError: It is none, has gaps, or its hash is that of another layout.
        """
        if not isinstance(said, Mapping):
            raise LayoutError(f"a schema is a JSON object, found {type(said).__name__}")
        key = str(said.get("key"))

        def wrong(what: str) -> LayoutError:
            return LayoutError(f"schema of {key}: {what}. Use programs of the same version")

        if said.get("schema") != SCHEMA:
            raise wrong(f"its form is {said.get('schema')!r}, this package reads {SCHEMA!r}")
        try:
            fields = tuple(_field(each) for each in said["fields"])
            layout, size = int(said["layout"], 16), int(said["size"])
            code, header = int(said["code"]), int(said["header"])
            direction, rate_hz = str(said["direction"]), float(said["rate_hz"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise wrong(f"it cannot be read ({error!r})") from error
        if header != HEADER.itemsize or code not in (0, 16) or direction not in ("in", "out"):
            raise wrong(f"header of {header} bytes, code of {code}, direction {direction!r}")
        _check_fields(fields, size, wrong)
        if layout_hash(fields) != layout:
            raise wrong(f"its fields have the hash {layout_hash(fields):016x}, not {layout:016x}")
        return cls(
            key=key,
            about=str(said.get("about", "")),
            layout=layout,
            size=size,
            code=code,
            direction=direction,
            stream=bool(said.get("stream", False)),
            rate_hz=rate_hz,
            fields=fields,
            dtype=dtype_of(fields, size),
        )

    @property
    def sample_size(self) -> int:
        """Bytes of a whole sample: header, body, code."""
        return HEADER.itemsize + self.size + self.code

    def field(self, name: str) -> Field:
        """The field of this name.

        Raises:
            KeyError: There is none; the text lists those there are.
        """
        for field in self.fields:
            if field.name == name:
                return field
        names = ", ".join(field.name for field in self.fields)
        raise KeyError(f"{self.key} has no field {name!r}; it has {names}")

    def body(self, values: Mapping[str, Any]) -> bytes:
        """The body with these values, zero elsewhere. Short arrays leave the rest zero.

        Raises:
            LayoutError: The robot's topic has no such field, or an array is too long for it.
        """
        body = np.zeros((), self.dtype)
        for name, value in values.items():
            try:
                field = self.field(name)
            except KeyError as error:
                raise LayoutError(f"{error.args[0]}. Use programs of the same version") from None
            array = np.asarray(value)
            if field.is_text or field.count == 1:
                body[name] = value
            elif array.size > field.count:
                raise LayoutError(
                    f"{self.key}: {name} holds {field.count} numbers, not {array.size}"
                )
            else:
                body[name][: array.size] = array.ravel()
        return body.tobytes()


def dtype_of(fields: Sequence[Field], size: int) -> np.dtype[Any]:
    """Numpy's type of a body of ``size`` bytes with these fields, at their own offsets."""
    return np.dtype(
        {
            "names": [field.name for field in fields],
            "formats": [field.dtype for field in fields],
            "offsets": [field.offset for field in fields],
            "itemsize": size,
        }
    )


def _field(said: Mapping[str, Any]) -> Field:
    used_by = said["used_by"]
    return Field(
        name=str(said["name"]),
        type=str(said["type"]),
        offset=int(said["offset"]),
        count=int(said["count"]),
        used_by=None if used_by is None else str(used_by),
        unit=str(said["unit"]),
        frame=str(said["frame"]),
        about=str(said.get("about", "")),
    )


def _check_fields(fields: Sequence[Field], size: int, wrong: Any) -> None:
    at = 0
    names: set[str] = set()
    counters: set[str] = set()
    for field in fields:
        if field.type not in _SIZES or not 1 <= field.count <= _BODY_MAX:
            raise wrong(f"field {field.name!r} is {field.count} of type {field.type!r}")
        if field.offset != at:
            raise wrong(f"field {field.name!r} is at {field.offset}, after {at} bytes of others")
        if field.used_by is not None and field.used_by not in counters:
            raise wrong(f"field {field.name!r} is counted by {field.used_by!r}, which is not there")
        if field.name in names:
            raise wrong(f"two fields are named {field.name!r}")
        names.add(field.name)
        if field.count == 1 and field.type in ("u1", "u4", "u8"):
            counters.add(field.name)
        at += field.bytes
    if at != size or size > _BODY_MAX:
        raise wrong(f"its fields have {at} bytes, its body {size}")
