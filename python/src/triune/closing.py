"""What ends with its ``with`` block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

Self = TypeVar("Self", bound="Closing")


class Closing(ABC):
    """Closes itself when its ``with`` block ends, whatever ends it."""

    @abstractmethod
    def close(self) -> None:
        """Ends it. A second time does nothing."""

    def __enter__(self: Self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes it."""
        self.close()
