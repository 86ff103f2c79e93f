"""Several processes train one network: one a device, or shares of a CPU's cores.

Lightning runs the command once more for each of them (its strategy `ddp`), and says in the
environment which one a process is.
"""

import os

import torch


def is_first() -> bool:
    """Whether this is the process that talks and writes; the others only train."""
    return int(os.environ.get("LOCAL_RANK", "0")) == 0


def share_cores(num_processes: int) -> None:
    """Take as many threads as leave the other processes theirs."""
    if num_processes > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // num_processes))
