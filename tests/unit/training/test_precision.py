import pytest
import torch

from pipeline.training.precision import choose_precision


@pytest.mark.parametrize("device_type", ["cpu", "cuda", "mps"])
def test_what_is_asked_for_is_taken_on_every_device(device_type: str) -> None:
    assert choose_precision("bf16", device_type=device_type) == "bf16-mixed"
    assert choose_precision("fp32", device_type=device_type) == "32-true"


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bf16-mixed"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16-mixed"),
        ({"avx512_bf16": False, "amx_bf16": False, "avx512_f": True}, "32-true"),
        ({"architecture": "aarch64"}, "32-true"),
        ({}, "32-true"),
    ],
)
def test_a_processor_takes_bf16_where_it_has_units_for_it(
    capabilities: dict[str, object], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_precision("auto", device_type="cpu") == expected


@pytest.mark.parametrize(("able", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_gpu_takes_bf16_where_it_does_not_emulate_it(
    able: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_bf16_supported(including_emulation: bool = True) -> bool:
        return including_emulation or able

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    assert choose_precision("auto", device_type="cuda") == expected


def test_other_devices_take_float32() -> None:
    assert choose_precision("auto", device_type="mps") == "32-true"
