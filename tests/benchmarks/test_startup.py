"""What is timed is a process that does what it is asked."""

import subprocess
import sys

import pytest

from benchmarks.startup import seconds_to_first_line


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        seconds_to_first_line([sys.executable, "-c", "raise SystemExit(3)"], threads=1)
