"""Robots for the tests that need one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .running import Running, binary

Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts robots that end with the test."""
    if binary() is None:
        pytest.skip("no binary: cargo build --release, or name one with TRIUNE_BIN")
    runs: list[Running] = []

    def begin(*options: str | Path, **where: Any) -> Running:
        folder = tmp_path / str(len(runs))
        folder.mkdir()
        runs.append(Running(folder, *options, **where))
        return runs[-1]

    yield begin
    for run in runs:
        run.close()


@pytest.fixture
def running(start: Start) -> Running:
    """A robot that waits for a planner from outside."""
    return start("--brain", "far")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same for all tests of a file; they leave it as they found it."""
    if binary() is None:
        pytest.skip("no binary: cargo build --release, or name one with TRIUNE_BIN")
    run = Running(tmp_path_factory.mktemp("shared"), "--brain", "far")
    yield run
    run.close()
