"""A sequence layer as people ship it: a module that projects its tokens and runs the delta rule in chunks.

Does the memory do what the paper says, one step of gradient descent a token? The chunked form hides it.

    ssmproof audit examples/chunked_delta.py:memory --against online_gd --adapter kv

`--adapter kv` says that the function takes queries, keys and values as [B, T, H, D]; its gate `beta` is the learner's
step size of the same name and stays an indeterminate, one a token. The answer is a proof for these lengths.
"""

import torch


def memory(q, k, v, beta, chunk=4):  # type: ignore[no-untyped-def]
    """q, k, v [B, T, H, D], beta [B, T, H] -> o [B, T, H, D]."""
    B, T, H, D = q.shape
    pad = -T % chunk
    q, k, v = (torch.nn.functional.pad(x, (0, 0, 0, 0, 0, pad)) for x in (q, k, v))
    beta = torch.nn.functional.pad(beta, (0, 0, 0, pad))
    # [B, H, chunks, chunk, D]
    q, k, v = (x.transpose(1, 2).reshape(B, H, -1, chunk, x.shape[-1]) for x in (q, k, v))
    b = beta.transpose(1, 2).reshape(B, H, -1, chunk, 1)
    kb, vb = k * b, v * b
    inside = torch.tril(kb @ k.transpose(-1, -2), -1)
    T_inv = torch.linalg.solve_triangular(
        inside + torch.eye(chunk, dtype=q.dtype), torch.eye(chunk, dtype=q.dtype).expand_as(inside), upper=False
    )
    u, w = T_inv @ vb, T_inv @ kb
    S = torch.zeros(B, H, D, v.shape[-1], dtype=q.dtype)
    out = []
    for c in range(q.shape[2]):
        new = u[:, :, c] - w[:, :, c] @ S
        attention = torch.tril(q[:, :, c] @ k[:, :, c].transpose(-1, -2))
        out.append(q[:, :, c] @ S + attention @ new)
        S = S + k[:, :, c].transpose(-1, -2) @ new
    return torch.cat(out, 2)[:, :, :T].transpose(1, 2)
