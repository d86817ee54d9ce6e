"""One sample of a topic, read where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .schema import HEADER, Schema


@dataclass(frozen=True)
class Header:
    """What stands before the body of every sample.

    Attributes:
        layout: Hash of the layout of the body.
        session: Random number of the robot's run.
        sequence: Counts up from 1 for each topic of one run: a gap is a loss.
        at: Robot's clock when it was measured or decided, ns.
    """

    layout: int
    session: int
    sequence: int
    at: int


@dataclass(frozen=True)
class Sample:
    """One sample: ``sample["q"]`` is a field, an array cut to the numbers in use.

    Attributes:
        schema: What its fields are; ``sample.schema.field("q").unit``.
        header: Its header.
        data: The whole body as a numpy record, read where it lies and not cut; read-only.
        lost: Samples that were lost on the way since the one heard before.
        received: This machine's ``time.monotonic_ns()`` when it came.
    """

    schema: Schema
    header: Header
    data: np.void
    lost: int
    received: int

    @classmethod
    def read(cls, schema: Schema, whole: bytes, header: Header, lost: int, received: int) -> Sample:
        """The sample in ``whole``, whose header was read and whose size was checked."""
        data = np.frombuffer(whole, schema.dtype, 1, HEADER.itemsize)[0]
        return cls(schema, header, data, lost, received)

    def __getitem__(self, name: str) -> Any:
        """A number, an array of the numbers in use, or the bytes of a text.

        Raises:
            KeyError: There is no such field; the text lists those there are.
        """
        field = self.schema.field(name)
        value = self.data[name]
        if field.used_by is None:
            return value
        # More than there are would be a lie of the robot: numpy cuts it to what is there.
        return value[: int(self.data[field.used_by])]

    def text(self, name: str) -> str:
        """A text field as text.

        Raises:
            KeyError: There is no such field, or it is no text.
        """
        if not self.schema.field(name).is_text:
            raise KeyError(f"{self.schema.key}: {name} is no text, use sample[{name!r}]")
        return bytes(self.data[name]).decode(errors="replace")

    def asdict(self) -> dict[str, Any]:
        """Every field by its name; texts as text."""
        fields = self.schema.fields
        return {f.name: self.text(f.name) if f.is_text else self[f.name] for f in fields}

    def __repr__(self) -> str:
        """Its topic, its place in the run, and its fields."""
        fields = ", ".join(f"{name}={value!r}" for name, value in self.asdict().items())
        return f"<{self.schema.key} {self.header.sequence} at {self.header.at} ns: {fields}>"
