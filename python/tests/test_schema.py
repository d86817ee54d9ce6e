"""From a schema to numpy, and back to bytes."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from triune import Header, LayoutError, Sample, Schema
from triune.schema import fnv1a, layout_hash

TEXT = "count:u4:0:1::;flag:u4:4:1::;angles:f4:8:4:rad:joint;name:u1:24:8:utf-8:;at:u8:32:1:ns:;"


def two() -> dict[str, Any]:
    names = ["name", "type", "offset", "count", "unit", "frame"]
    fields = []
    for line in TEXT.rstrip(";").split(";"):
        field: dict[str, Any] = dict(zip(names, line.split(":"), strict=True))
        field |= {"offset": int(field["offset"]), "count": int(field["count"]), "about": ""}
        fields.append(field | {"used_by": "count" if field["name"] == "angles" else None})
    return {
        "schema": "triune.topic/1",
        "key": "test/two",
        "about": "Two things.",
        "layout": f"{fnv1a(TEXT.encode()):016x}",
        "size": 40,
        "header": 32,
        "code": 0,
        "direction": "out",
        "stream": False,
        "rate_hz": 200.0,
        "fields": fields,
    }


def sample(count: int = 2) -> Sample:
    schema = Schema.parse(two())
    body = struct.pack("<II4f8sQ", count, 1, 1.0, 2.0, 3.0, 4.0, "né".encode(), 9)
    header = Header(schema.layout, 5, 6, 7)
    whole = struct.pack("<QQQQ", schema.layout, 5, 6, 7) + body
    return Sample.read(schema, whole, header, 0, 0)


def test_the_hash_is_fnv_over_the_written_form() -> None:
    # Published test vectors of FNV-1a (draft-eastlake-fnv).
    assert fnv1a(b"a") == 0xAF63DC4C8601EC8C
    assert fnv1a(b"foobar") == 0x85944171F73967E8
    schema = Schema.parse(two())
    assert layout_hash(schema.fields) == schema.layout == fnv1a(TEXT.encode())


def test_fields_lie_where_the_schema_says() -> None:
    dtype = Schema.parse(two()).dtype
    assert dtype.fields is not None
    assert dtype.itemsize == 40
    offsets = {name: dtype.fields[name][1] for name in dtype.names or ()}
    assert offsets == {"count": 0, "flag": 4, "angles": 8, "name": 24, "at": 32}


def test_a_sample_is_read_in_place_and_cut_to_what_is_in_use() -> None:
    two = sample()
    assert two["angles"].tolist() == [1.0, 2.0]
    assert two.data["angles"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert (int(two["at"]), bytes(two["name"]), two.text("name")) == (9, "né".encode(), "né")
    assert two.asdict()["name"] == "né"
    assert not two["angles"].flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        two["angles"][0] = 5.0
    with pytest.raises(KeyError, match="no field 'angle'; it has count, flag"):
        two["angle"]
    with pytest.raises(KeyError, match="no text"):
        two.text("angles")


def test_a_count_that_lies_reads_nothing_beyond() -> None:
    assert len(sample(0xFFFFFFFF)["angles"]) == 4


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": "triune.topic/2"}, "its form"),
        ({"layout": "0123456789abcdef"}, "hash"),
        ({"layout": None}, "cannot be read"),
        ({"size": 48}, "40 bytes, its body 48"),
        ({"header": 24}, "header of 24"),
        ({"code": 8}, "code of 8"),
        ({"direction": "up"}, "direction 'up'"),
        ({"fields": None}, "cannot be read"),
        ({"fields": [{"name": "a"}]}, "cannot be read"),
    ],
)
def test_a_schema_that_does_not_hold_together_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(LayoutError, match=says):
        Schema.parse(two() | change)


@pytest.mark.parametrize(
    ("at", "change", "says"),
    [
        (0, {"type": "f2"}, "type 'f2'"),
        (0, {"count": 0}, "is 0 of"),
        (1, {"offset": 8}, "at 8, after 4"),
        (1, {"name": "count"}, "two fields"),
        (2, {"used_by": "at"}, "counted by 'at'"),
        (2, {"unit": "deg"}, "hash"),
    ],
)
def test_fields_that_do_not_fit_are_named(at: int, change: dict[str, Any], says: str) -> None:
    said = two()
    said["fields"][at] |= change
    with pytest.raises(LayoutError, match=says):
        Schema.parse(said)


@pytest.mark.parametrize("said", [None, [], "text", 7])
def test_what_is_no_schema_at_all_is_refused(said: object) -> None:
    with pytest.raises(LayoutError, match="JSON object"):
        Schema.parse(said)


def test_a_body_is_written_as_it_is_read() -> None:
    schema = Schema.parse(two())
    body = schema.body({"count": 2, "angles": np.array([1, 2]), "name": b"abc", "at": 9})
    assert body == struct.pack("<II4f8sQ", 2, 0, 1.0, 2.0, 0.0, 0.0, b"abc", 9)
    with pytest.raises(LayoutError, match="no field 'angel'"):
        schema.body({"angel": 1})
    with pytest.raises(LayoutError, match="4 numbers, not 5"):
        schema.body({"angles": np.zeros(5)})
