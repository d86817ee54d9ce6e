"""What can go wrong, each in words that say what helps."""


class TriuneError(Exception):
    """Anything this package raises by itself."""


class UnreachableError(TriuneError):
    """Nobody listens at the endpoint, or no robot is behind it."""


class GoneError(UnreachableError):
    """The robot answered before and does not any more: its run ended, or the link is down."""


class SilentError(TriuneError):
    """The robot is there, but what was waited for did not come in time."""


class LayoutError(TriuneError):
    """A sample or a schema is not what the robot said it would be."""


class LeaseError(TriuneError):
    """A lease is not given, or is not held any more.

    Attributes:
        why: One word of the robot, such as ``held`` or ``ended``; empty when it said none.
    """

    def __init__(self, said: str, why: str = "") -> None:
        super().__init__(said)
        self.why = why


class RefusedError(TriuneError):
    """The robot's governor refused what a person asked for; the text is its reason."""


class UnconfirmedError(TriuneError):
    """Something was sent, and the robot did not confirm it in time.

    After a stop this is an emergency: use the stop button of the robot.
    """


class KeyFileError(TriuneError):
    """A key or a certificate cannot be read, or others can read it."""
