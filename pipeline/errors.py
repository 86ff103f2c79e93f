"""What a user can do wrong. The message is one line: where, what was found, what was expected."""


class UserError(Exception):
    """A mistake that the user can mend; the command line prints its message and exits with 2."""


class ConfigError(UserError):
    """A configuration key, option or value that cannot be used."""


class DataError(UserError):
    """A corpus that cannot be read or used: the message names the file, and the row or column."""


class ModelError(UserError):
    """A model folder that is missing, incomplete, or of an unknown format version."""
