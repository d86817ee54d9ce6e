"""Reads, plans for, drives and stops a robot that runs Triune.

``connect`` finds it; everything else hangs on the `Robot` it returns. Units are SI, angles rad, and
times ns of the robot's clock unless a name says otherwise; the frame of the base is forward, left,
up.
"""

from .errors import (
    GoneError,
    KeyFileError,
    LayoutError,
    LeaseError,
    RefusedError,
    SilentError,
    TriuneError,
    UnconfirmedError,
    UnreachableError,
)
from .lease import Lease
from .names import Act, Actor, Authority, Level, Mode, Motion, Posture, RecordKind
from .planner import Planner
from .robot import Robot, connect
from .sample import Header, Sample
from .schema import Field, Schema
from .stream import Counts, Stream

__all__ = [
    "Act",
    "Actor",
    "Authority",
    "Counts",
    "Field",
    "GoneError",
    "Header",
    "KeyFileError",
    "LayoutError",
    "Lease",
    "LeaseError",
    "Level",
    "Mode",
    "Motion",
    "Planner",
    "Posture",
    "RecordKind",
    "RefusedError",
    "Robot",
    "Sample",
    "Schema",
    "SilentError",
    "Stream",
    "TriuneError",
    "UnconfirmedError",
    "UnreachableError",
    "connect",
]
__version__ = "0.1.0"
