"""The recurrences of GRU and LSTM over a sequence on a CPU, with their gradients by hand.

What does not recur (the products of the inputs) is a single product outside. In here, a time step
costs one product and a few elementwise kernels, forward and backward; the gradient of W_hh is one
product over all time steps at the end, where torch makes one a step. Everything is time-major:
(T, B, ...). G is the size of all gates side by side, in torch's order, so that the weights are
those of `nn.GRU` and `nn.LSTM`.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

# Derivatives by what the function gave, times a factor, in one pass over the memory.
_tanh_backward = torch.ops.aten.tanh_backward  # (g, y): g (1 - y²)
_sigmoid_backward = torch.ops.aten.sigmoid_backward  # (g, y): g y (1 - y)


def gru_recurrence(
    inputs: Float[Tensor, "T B G"],
    h_0: Float[Tensor, "B H"],
    W_hh: Float[Tensor, "G H"],
    b_hh: Float[Tensor, " G"],
) -> Float[Tensor, "T B H"]:
    """h_t of the gates r, z, n as in `torch.nn.GRU`, in the precision of `inputs`.

    Args:
        inputs: W_ih x_t + b_ih of each time step.
        h_0: The first state.
        W_hh: Recurrent weights.
        b_hh: Recurrent bias.
    """
    states: Tensor = _GRURecurrence.apply(inputs, h_0, W_hh, b_hh)  # type: ignore[no-untyped-call]
    return states


def lstm_recurrence(
    inputs: Float[Tensor, "T B G"],
    h_0: Float[Tensor, "B H"],
    c_0: Float[Tensor, "B H"],
    W_hh: Float[Tensor, "G H"],
) -> tuple[Float[Tensor, "T B H"], Float[Tensor, "B H"]]:
    """h_t and the last c_t of the gates i, f, g, o as in `torch.nn.LSTM`; c is kept in float32.

    Args:
        inputs: W_ih x_t + b_ih + b_hh of each time step.
        h_0: The first state.
        c_0: The first memory.
        W_hh: Recurrent weights.
    """
    states, memory = _LSTMRecurrence.apply(inputs, h_0, c_0, W_hh)  # type: ignore[no-untyped-call]
    return states, memory


class _GRURecurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Float[Tensor, "T B G"],
        h_0: Float[Tensor, "B H"],
        W_hh: Float[Tensor, "G H"],
        b_hh: Float[Tensor, " G"],
    ) -> Float[Tensor, "T B H"]:
        num_steps, num_rows, _ = inputs.shape
        size = h_0.shape[1]
        low_W, low_b = W_hh.to(inputs.dtype), b_hh.to(inputs.dtype)
        states = inputs.new_empty(num_steps + 1, num_rows, size)
        states[0] = h_0
        rz = inputs.new_empty(num_steps, num_rows, 2 * size)
        n = inputs.new_empty(num_steps, num_rows, size)
        hn = inputs.new_empty(num_steps, num_rows, size)
        for t in range(num_steps):
            h = states[t]
            recurrent = torch.addmm(low_b, h, low_W.t())
            torch.add(inputs[t, :, : 2 * size], recurrent[:, : 2 * size], out=rz[t]).sigmoid_()
            r, z = rz[t].chunk(2, dim=-1)
            hn[t] = recurrent[:, 2 * size :]
            torch.addcmul(inputs[t, :, 2 * size :], r, hn[t], out=n[t]).tanh_()
            torch.lerp(n[t], h, z, out=states[t + 1])  # (1 - z) n + z h
        ctx.save_for_backward(states, rz, n, hn, low_W)
        ctx.dtypes = (h_0.dtype, W_hh.dtype, b_hh.dtype)
        return states[1:]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        # What each gradient is multiplied with does not recur: these factors are made beforehand.
        states, rz, n, hn, low_W = ctx.saved_tensors
        grad_states = grad_outputs[0]
        num_steps, num_rows, size = n.shape
        before = states[:-1]
        r, z = rz.chunk(2, dim=-1)
        n_factor = _tanh_backward(1 - z, n)
        factors = n.new_empty(num_steps, num_rows, 3, size)
        r_factor, z_factor, hn_factor = factors.unbind(dim=2)
        _sigmoid_backward.grad_input(n_factor * hn, r, grad_input=r_factor)
        _sigmoid_backward.grad_input(before - n, z, grad_input=z_factor)
        torch.mul(n_factor, r, out=hn_factor)
        grad_h = torch.zeros_like(n)
        grad_recurrent = torch.empty_like(factors)
        carried = torch.zeros_like(n[0])
        for t in reversed(range(num_steps)):
            dh = torch.add(grad_states[t], carried, out=grad_h[t])
            torch.mul(factors[t], dh.unsqueeze(1), out=grad_recurrent[t])
            carried = torch.addmm(dh * z[t], grad_recurrent[t].view(num_rows, -1), low_W)
        flat = grad_recurrent.view(num_steps * num_rows, -1)
        grad_W = flat.t() @ before.reshape(-1, size)
        grad_b = flat.sum(dim=0, dtype=torch.float32)
        grad_inputs = grad_recurrent  # but for n, whose input is added after r has counted
        torch.mul(grad_h, n_factor, out=grad_inputs[:, :, 2])
        h_dtype, W_dtype, b_dtype = ctx.dtypes
        return (
            grad_inputs.view(num_steps, num_rows, -1),
            carried.to(h_dtype),
            grad_W.to(W_dtype),
            grad_b.to(b_dtype),
        )


class _LSTMRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Float[Tensor, "T B G"],
        h_0: Float[Tensor, "B H"],
        c_0: Float[Tensor, "B H"],
        W_hh: Float[Tensor, "G H"],
    ) -> tuple[Float[Tensor, "T B H"], Float[Tensor, "B H"]]:
        num_steps, num_rows, _ = inputs.shape
        size = h_0.shape[1]
        low_W = W_hh.to(inputs.dtype)
        h = h_0.to(inputs.dtype)
        memories = inputs.new_empty(num_steps + 1, num_rows, size, dtype=torch.float32)
        memories[0] = c_0
        gates = torch.empty_like(inputs)
        states = inputs.new_empty(num_steps + 1, num_rows, size)
        states[0] = h
        squashed = torch.empty_like(states[1:])
        for t in range(num_steps):
            torch.addmm(inputs[t], states[t], low_W.t(), out=gates[t])
            i, f, g, o = gates[t].chunk(4, dim=-1)
            gates[t, :, : 2 * size].sigmoid_()
            g.tanh_()
            o.sigmoid_()
            torch.addcmul((i * g).float(), f.float(), memories[t], out=memories[t + 1])
            squashed[t] = memories[t + 1]
            torch.mul(o, squashed[t].tanh_(), out=states[t + 1])
        ctx.save_for_backward(states, memories, gates, squashed, low_W)
        ctx.dtypes = (h_0.dtype, c_0.dtype, W_hh.dtype)
        return states[1:], memories[-1].to(c_0.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        # What each gradient is multiplied with does not recur: these factors are made beforehand.
        states, memories, gates, squashed, low_W = ctx.saved_tensors
        grad_states, grad_memory = grad_outputs
        num_steps, num_rows, size = squashed.shape
        i, f, g, o = gates.chunk(4, dim=-1)
        memory_factors = squashed.new_empty(num_steps, num_rows, 3, size)
        i_factor, f_factor, g_factor = memory_factors.unbind(dim=2)
        _sigmoid_backward.grad_input(g, i, grad_input=i_factor)
        _sigmoid_backward.grad_input(memories[:-1].to(f.dtype), f, grad_input=f_factor)
        _tanh_backward.grad_input(i, g, grad_input=g_factor)
        output_factor = _sigmoid_backward(squashed, o)
        through = _tanh_backward(o, squashed)
        grad_gates = torch.empty_like(gates).view(num_steps, num_rows, 4, size)
        carried = torch.zeros_like(squashed[0])
        dc = grad_memory.to(squashed.dtype)
        for t in reversed(range(num_steps)):
            dh = grad_states[t] + carried
            dc = torch.addcmul(dc, dh, through[t])
            torch.mul(memory_factors[t], dc.unsqueeze(1), out=grad_gates[t, :, :3])
            torch.mul(output_factor[t], dh, out=grad_gates[t, :, 3])
            dc = dc * f[t]
            carried = grad_gates[t].view(num_rows, -1) @ low_W
        flat = grad_gates.view(num_steps * num_rows, -1)
        h_dtype, c_dtype, W_dtype = ctx.dtypes
        return (
            grad_gates.view(num_steps, num_rows, -1),
            carried.to(h_dtype),
            dc.to(c_dtype),
            (flat.t() @ states[:-1].reshape(-1, size)).to(W_dtype),
        )
