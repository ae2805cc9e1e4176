# SPDX-License-Identifier: MIT
"""The reading backend of xarray: ``xarray.open_dataset("t2m.om", engine="om")``.

`OmXarrayEntrypoint` is what xarray finds. `OmDataStore` makes variables of the arrays of a file, and `OmBackendArray`
reads their data when they are needed. Opening a file reads its records and, from a store, the indexes.
"""

try:
    import xarray  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "xarray":
        raise
    raise ImportError("omfiles.xarray needs xarray: pip install 'omfiles[xarray]'", name="xarray") from error

from omfiles._public import adopt
from omfiles._writing.array_spec import DIMENSION_KEY
from omfiles._xarray.entrypoint import OmXarrayEntrypoint, open_dataset
from omfiles._xarray.lazy import OmBackendArray
from omfiles._xarray.store import OmDataStore
from omfiles._xarray.writing import write_dataset

__all__ = ["DIMENSION_KEY", "OmBackendArray", "OmDataStore", "OmXarrayEntrypoint", "open_dataset", "write_dataset"]

adopt(__name__, __all__)
del adopt
