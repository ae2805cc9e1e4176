# SPDX-License-Identifier: MIT
"""Where the bytes of files come from and go to: the protocol of stores, adapters, and the planning of requests.

`RangeReader` is what a store must offer; subclass it to read from one that is not supported. `FetchOptions` tunes
how many requests of which size are sent.
"""

from omfiles._public import adopt
from omfiles._stores.coalesce import FetchOptions
from omfiles._stores.range_reader import RangeReader, Tail

__all__ = ["FetchOptions", "RangeReader", "Tail"]

adopt(__name__, __all__)
del adopt
