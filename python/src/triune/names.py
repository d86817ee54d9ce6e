"""Names of what the robot sends as numbers."""

from enum import IntEnum


class Mode(IntEnum):
    """Kind of operation; ``mode`` of ``governor/ruling``."""

    OFF = 0
    SELF_TEST = 1
    INHIBITED = 2
    MANUAL = 3
    SUPERVISED = 4
    AUTO = 5
    MAINT = 6
    LOCKOUT = 7


class Level(IntEnum):
    """Severity; ``level`` of ``governor/ruling``. From HOLD on the robot does not walk."""

    NOMINAL = 0
    NOTICE = 1
    WARNING = 2
    GUIDANCE = 3
    LIMITED = 4
    HOLD = 5
    SETTLE = 6
    STOPPED = 7
    CUT = 8
    FALLING = 9


class Authority(IntEnum):
    """Who may ask the body to move; ``authority`` of ``governor/ruling``."""

    NONE = 0
    TELEOP = 1
    BRAIN = 2
    STOP_CONTROL = 3


class Motion(IntEnum):
    """Admitted motion; ``motion`` of ``governor/ruling``."""

    LIMP = 0
    STAND = 1
    WALK = 2
    MOVE = 3
    SETTLE = 4
    SCRIPT = 5
    DAMP = 6


class Posture(IntEnum):
    """What the motion controller is doing; ``posture`` of ``cerebellum/state``."""

    LIMP = 0
    RISING = 1
    STANDING = 2
    WALKING = 3
    SETTLING = 4
    SETTLED = 5
    DAMPED = 6
    MOVING = 7


class RecordKind(IntEnum):
    """What the governor did; ``kind`` of ``governor/record``."""

    REFUSED = 0
    LIMITED = 1
    LEVEL_CHANGED = 2
    MODE_CHANGED = 3
    ACT_ACCEPTED = 4
    ACT_REFUSED = 5


class Actor(IntEnum):
    """Who brought it about; ``actor`` of ``governor/record``."""

    GOVERNOR = 0
    BRAIN = 1
    CEREBELLUM = 2
    BODY = 3
    OPERATOR = 4
    OUTSIDE = 5


class Act(IntEnum):
    """What a person may ask for under a lease; the number is that of ``operator/act``."""

    RESET = 1
    START = 2
    ACKNOWLEDGE = 3
    GO_SAFE = 4
    TAKE_OVER = 5
    HAND_BACK = 6
    SELECT_MODE = 7
    UNLOCK = 8
    RELEASE_STOP = 9

    @property
    def rule(self) -> bytes:
        """The rule under which the governor records it; empty where it does not come there."""
        return _RULES.get(self.name, b"")


_RULES = {
    "RESET": b"OPERATOR-RESET",
    "START": b"OPERATOR-START",
    "ACKNOWLEDGE": b"OPERATOR-ACK",
    "GO_SAFE": b"GO-SAFE",
    "TAKE_OVER": b"TAKE-OVER",
    "HAND_BACK": b"HAND-BACK",
    "SELECT_MODE": b"MODE-SELECT",
    "UNLOCK": b"UNLOCK",
}
