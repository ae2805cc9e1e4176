# SPDX-License-Identifier: MIT
"""From `reference.Variable` to a file by way of `OmFileWriter`, and back by way of `OmFileReader`."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Literal

import numpy as np

from omfiles import OmFileReader, OmFileWriter, OmWriterVariable
from omfiles.testing.reference import Variable, depth_first


def write_tree(
    path: str | os.PathLike[str],
    root: Variable,
    placement: Literal["tail", "inline"] = "tail",
    order: list[Variable] | None = None,
) -> bytes:
    """Write a tree with `OmFileWriter`, in the order of `reference.write_file`; return the file's bytes."""
    writer = OmFileWriter(path, metadata_placement=placement)
    handles: dict[int, OmWriterVariable] = {}
    for variable in order or depth_first(root):
        children = [handles[id(child)] for child in variable.children]
        if isinstance(variable.value, np.ndarray):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*are rounded to steps of")  # whatever the values and the scale
                handle = writer.write_array(
                    variable.value,
                    chunks=variable.chunks,
                    scale_factor=variable.scale_factor,
                    add_offset=variable.add_offset,
                    compression=variable.compression,
                    name=variable.name,
                    children=children,
                )
        elif variable.value is None:
            handle = writer.write_group(variable.name, children)
        else:
            handle = writer.write_scalar(variable.value, variable.name, children)
        handles[id(variable)] = handle
    writer.close(handles[id(root)])
    return Path(path).read_bytes()


def read_tree(reader: OmFileReader) -> Variable:
    """Everything that is to be read below a reader, in memory."""
    variable = Variable(reader.name)
    variable.children = [read_tree(reader.get_child_by_index(i)) for i in range(reader.num_children)]
    if reader.is_array:
        variable.value = reader.read_array(...)
        variable.chunks = reader.chunks
        variable.compression = reader.compression_name
        variable.scale_factor, variable.add_offset = reader.scale_factor, reader.add_offset
    elif reader.is_scalar:
        variable.value = reader.read_scalar()
    return variable
