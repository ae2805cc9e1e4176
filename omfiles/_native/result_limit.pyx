# SPDX-License-Identifier: MIT
"""How large the result of one read may be."""

from libc.stdint cimport uint64_t

import math

cdef uint64_t NO_LIMIT = <uint64_t> -1
cdef uint64_t limit = NO_LIMIT


cdef uint64_t result_limit() noexcept nogil:
    return limit


cpdef int require_size(tuple shape, size_t itemsize, object variable) except -1:
    size = math.prod(shape) * itemsize
    if size > limit:
        message = f"variable {variable!r}: the result has {size} bytes; omfiles.set_max_result_size allows {limit}"
        raise MemoryError(message)
    return 0


def get_max_result_size() -> int | None:
    """How many bytes the result of one read may have; None if that is not limited.

    Examples
    --------
    >>> import omfiles
    >>> omfiles.get_max_result_size() is None
    True
    """
    return None if limit == NO_LIMIT else limit


def set_max_result_size(n_bytes: int | None) -> None:
    """Let no read of this process allocate a result of more than `n_bytes`; it raises MemoryError before.

    A small file may hold a large array of equal values. Claims that no bytes can back are refused in any case; this is
    for programs that read files of strangers and know how much they want. Results in memory of the caller (``out=``)
    are not limited.

    Parameters
    ----------
    n_bytes : int or None
        At least 0; None, as it is at first, for no limit.

    Raises
    ------
    ValueError
        If `n_bytes` is negative.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("zeros.om", np.zeros((1000, 1000)), name="zeros")
    >>> zeros = omfiles.open("zeros.om")
    >>> omfiles.set_max_result_size(1_000_000)
    >>> zeros[...]
    Traceback (most recent call last):
        ...
    MemoryError: variable 'zeros': the result has 8000000 bytes; omfiles.set_max_result_size allows 1000000
    >>> zeros[0].shape
    (1000,)
    >>> omfiles.set_max_result_size(None)
    """
    global limit
    if n_bytes is not None and n_bytes < 0:
        raise ValueError(f"the size of results must be at least 0, not {n_bytes}")
    limit = NO_LIMIT if n_bytes is None else min(n_bytes, NO_LIMIT)


def clamp_to_limit(uint64_t n_bytes) -> int:
    """Return how large a result may be that is read on the way to another one, if `n_bytes` would suit best."""
    return min(n_bytes, limit)
