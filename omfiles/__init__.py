# SPDX-License-Identifier: MIT
"""Read and write Open-Meteo ``.om`` files: compressed, chunked, hierarchical weather data.

Examples
--------
>>> import numpy as np, omfiles
>>> field = np.linspace(250, 300, 12, dtype="float32").reshape(3, 4)
>>> omfiles.save("t2m.om", field, scale_factor=20, name="t2m", attrs={"units": "K"})
>>> with omfiles.open("t2m.om") as t2m:
...     t2m[1, ::2], t2m.attrs["units"]
(array([268.2 , 277.25], dtype=float32), 'K')
"""

try:
    import omfiles._core as _core  # noqa: F401
except ModuleNotFoundError as _error:
    if _error.name != "omfiles._core":
        raise
    raise ImportError(
        "the compiled part of omfiles is missing: run `make build` in the source tree, or leave it to use the "
        "installed package"
    ) from _error

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omfiles import _renamed, types
from omfiles._chunk_grid import auto_chunks
from omfiles._native.record import OmVariable
from omfiles._native.result_limit import get_max_result_size, set_max_result_size
from omfiles._native.threads import get_num_threads, set_num_threads
from omfiles._public import adopt as _adopt
from omfiles._reading.async_reader import OmFileReaderAsync
from omfiles._reading.reader import OmFileReader
from omfiles._reading.reader import open as open  # not in __all__: a star import must leave Python's own open alone
from omfiles._writing.array_spec import ArraySpec
from omfiles._writing.encode import EncodedPart, encode_part
from omfiles._writing.writer import OmFileWriter, OmWriterVariable, save
from omfiles.errors import OmError, OmFormatError, OmReadError

if TYPE_CHECKING:
    from xarray import Dataset

    from omfiles._tools.hashes import write_hashes as write_hashes
    from omfiles._tools.verify import Problem as Problem
    from omfiles._tools.verify import Verification as Verification
    from omfiles._tools.verify import verify as verify

__version__ = "0.1.0"

__all__ = [
    "ArraySpec",
    "EncodedPart",
    "OmError",
    "OmFileReader",
    "OmFileReaderAsync",
    "OmFileWriter",
    "OmFormatError",
    "OmReadError",
    "OmVariable",
    "OmWriterVariable",
    "Problem",
    "Verification",
    "auto_chunks",
    "encode_part",
    "get_include",
    "get_max_result_size",
    "get_num_threads",
    "open_dataset",
    "save",
    "set_max_result_size",
    "set_num_threads",
    "types",
    "verify",
    "write_hashes",
]

# Imported on use, for they bring what reads from stores.
_LAZY = {
    "Problem": "omfiles._tools.verify",
    "Verification": "omfiles._tools.verify",
    "verify": "omfiles._tools.verify",
    "write_hashes": "omfiles._tools.hashes",
}


def __getattr__(name: str) -> Any:
    if name in _renamed.RENAMED:
        raise AttributeError(_renamed.message(name))
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    _adopt(__name__, [name])
    return value


def __dir__() -> list[str]:
    """Public names, and the public modules that have been imported."""
    modules = [name for name, value in globals().items() if isinstance(value, type(types)) and name[0] != "_"]
    return sorted({*__all__, "__version__", "open", *modules})


def get_include() -> str:
    """Folder of the C headers, for the `include_dirs` of extension modules that use the codec core.

    Examples
    --------
    >>> import os, omfiles
    >>> sorted(os.listdir(omfiles.get_include()))
    ['omf', 'omfiles.h', 'omfiles_table.h']
    """
    package = Path(__file__).parent
    installed = package / "include"
    return str(installed if installed.exists() else package.parent / "csrc" / "include")


def open_dataset(source: Any, **options: Any) -> "Dataset":
    """Open an OM file as a dataset of xarray.

    Parameters
    ----------
    source : object
        A path, a URL, a file of fsspec, the content of a file, and what else `OmFileReader` takes.
    **options
        As for `omfiles.xarray.open_dataset`.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(6).reshape(2, 3), name="rain", dims=("lat", "lon"))
    >>> omfiles.open_dataset("rain.om")["rain"].isel(lat=-1).values
    array([3, 4, 5])
    """
    from omfiles.xarray import open_dataset  # not before it is needed: xarray is an extra

    return open_dataset(source, **options)


_renamed.install()
_adopt(__name__, ["open", *({*__all__} - {*_LAZY})])
