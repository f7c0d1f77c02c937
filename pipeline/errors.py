"""The exceptions that end a command, and the exit codes that they end it with.

    SaysdoesError          anything that a user can mend; the message is fact + value + remedy
      UsageError           2: the command line, a path or an input file is wrong
      ConfigError          2: a configuration file is wrong; names file, line and key
      ModelError           2: a model is absent or is not the one its manifest names

What befalls a single page is a `records.Problem`, not an exception.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process ends with; scripts rely on these."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    INTERNAL = 4


class SaysdoesError(Exception):
    """An error that is shown to the user as it stands."""

    exit_code = ExitCode.USAGE


class UsageError(SaysdoesError):
    """The command line or an input file is wrong."""


class ConfigError(SaysdoesError):
    """A configuration file is wrong."""


class ModelError(SaysdoesError):
    """A model cannot be loaded as named."""
