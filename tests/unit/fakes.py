# SPDX-License-Identifier: MIT
"""A reader without a file, for tests of what needs only the public interface of one."""

import numpy as np


class FakeReader:
    """A group, or a scalar if it has a value, or an array if it has a shape. Reading its data fails."""

    closed = False

    def __init__(
        self,
        name,
        *children,
        value=None,
        shape=None,
        dtype="float32",
        compression="pfor_delta_2d",
        scale=1.0,
        offset=0.0,
    ):
        self.name = name
        self.children = children
        self.is_scalar = value is not None
        self.is_array = shape is not None
        self.is_group = not self.is_scalar and not self.is_array
        self.value = value
        self.shape = self.chunks = shape or ()
        self.dtype = str if isinstance(value, str) else np.dtype(dtype) if value is None else value.dtype
        self.compression_name = compression
        self.scale_factor = scale
        self.add_offset = offset
        self.opened = 0

    @property
    def nbytes(self):
        assert self.is_scalar
        return len(self.value.encode()) if isinstance(self.value, str) else self.value.nbytes

    @property
    def num_children(self):
        return len(self.children)

    def get_child_by_index(self, index):
        self.opened += 1
        return self.children[index]

    def read_scalar(self):
        assert self.is_scalar
        return self.value
