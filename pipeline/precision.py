"""Which arithmetic the processor is good at."""

from typing import Literal

import torch

Precision = Literal["auto", "bf16", "fp32"]


def choose_precision(precision: Precision, *, device_type: str) -> torch.dtype:
    """Of the products; `auto` takes bfloat16 where there are units for it.

    On a processor without such units bfloat16 is emulated, and slower than float32.
    """
    if precision == "auto":
        precision = "bf16" if _is_good_at_bf16(device_type) else "fp32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _is_good_at_bf16(device_type: str) -> bool:
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device_type == "cpu":
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return False
