import pytest
import torch

from pipeline.precision import choose_precision


@pytest.mark.parametrize("device_type", ["cpu", "cuda", "mps"])
def test_what_is_asked_for_is_taken_on_every_device(device_type: str) -> None:
    assert choose_precision("bf16", device_type=device_type) == torch.bfloat16
    assert choose_precision("fp32", device_type=device_type) == torch.float32


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": False, "avx512_f": True}, torch.float32),
        ({"architecture": "aarch64"}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_a_processor_takes_bf16_where_it_has_units_for_it(
    capabilities: dict[str, object], expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_precision("auto", device_type="cpu") == expected


@pytest.mark.parametrize(("able", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_gpu_takes_bf16_where_it_does_not_emulate_it(
    able: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_bf16_supported(including_emulation: bool = True) -> bool:
        return including_emulation or able

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    assert choose_precision("auto", device_type="cuda") == expected


def test_other_devices_take_float32() -> None:
    assert choose_precision("auto", device_type="mps") == torch.float32
