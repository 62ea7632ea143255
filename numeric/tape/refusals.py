"""What has no meaning in an arithmetic: which operation, at which line, and what to do about it.

A refusal is raised in a replay, where none of the code under test runs, so no code can catch it.
"""

from __future__ import annotations

RANDOMLY = "random: the result differs from call to call; call eval() on the module, or give the draw as an input"
REASONS = {
    "transcendental; give the gate it computes as an input, or its argument as a log gate (the log of an input)": "exp "
    "exp2 expm1 sigmoid softplus log_sigmoid_forward tanh",
    "transcendental; a smoother with these weights is no rational function of its input": "_softmax _log_softmax "
    "_safe_softmax logsumexp logcumsumexp logaddexp _scaled_dot_product_attention_math "
    "_scaled_dot_product_flash_attention_for_cpu",
    "transcendental; leave the activation out, or give what it returns as an input": "silu gelu elu mish erf erfc "
    "hardswish logit",
    "transcendental": "log log2 log10 log1p sin cos tan sinh cosh lgamma digamma atan2 polar angle",
    "algebraic (a root), not rational; give data that is normalised already, or turn the normalisation off": "sqrt rsqrt "
    "linalg_vector_norm norm native_layer_norm native_group_norm _fused_rms_norm cdist _cdist_forward",
    "algebraic (a root), not rational; it normalises by the batch: call eval() on the module": "native_batch_norm",
    "a transform by roots of unity, which are not rational; write the convolution out (F.conv1d)": "_fft_r2c _fft_c2r "
    "_fft_c2c",
    "factors a matrix by roots or decisions; write the solution as torch.linalg.solve or inv": "linalg_cholesky_ex "
    "cholesky_solve linalg_lstsq linalg_pinv _linalg_svd linalg_eig _linalg_eigh linalg_qr linalg_lu_factor_ex "
    "linalg_matrix_exp svd eig eigh eigvals eigvalsh qr cholesky lstsq pinv",
    "piecewise": "abs clamp clamp_min clamp_max relu relu6 hardtanh hardsigmoid leaky_relu threshold maximum minimum "
    "max min amax amin aminmax sign floor ceil round trunc frac fmod remainder median mode nan_to_num fmax fmin heaviside "
    "hardshrink softshrink clip",
    "data-dependent: a number of the data decides what the code does": "_local_scalar_dense item argmax argmin argsort "
    "sort topk nonzero unique _unique2 equal is_nonzero searchsorted bucketize histc bincount any all isnan isinf "
    "isfinite logical_and logical_or logical_not allclose isclose array_equal argwhere partition",
}
"""Why operations are refused, and what to do about it."""
WHY = {name: why for why, names in REASONS.items() for name in names.split()}

UNHELD = "a cast to {}, which torch has not, so that what is computed in it is not followed; compute in float64"


class NoTensor(TypeError):
    """A program returned something that is not one tensor."""


class Refused(Exception):
    """The code does something that has no meaning in this arithmetic; the message names operation, line and reason."""

    def __init__(self, operation: str, where: str, reason: str) -> None:
        super().__init__(f"{operation} at {where}: {reason}")
        self.operation = operation
        self.where = where
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.operation, self.where, self.reason)


class OtherBits(Refused):
    """A recording, or its replay, does not give the bits of the bare run."""

    def __init__(self, where: str) -> None:
        super().__init__("the recording", where, "it does not give the bits of the bare run")

    def __reduce__(self) -> tuple[type, tuple[str]]:  # type: ignore[override]
        return type(self), (self.where,)


class DataDependent(Refused):
    """A number of the data decides what the code does: a recording holds for the point it was made at only."""
