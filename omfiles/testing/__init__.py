# SPDX-License-Identifier: MIT
"""Tools to test code that reads and writes .om files.

- `omfiles.testing.reference`: the whole format in plain Python, slow and readable; reads and writes files in memory.
- `omfiles.testing.strategies`: Hypothesis strategies (install `hypothesis` yourself).
    - `dtypes()`, `codecs()`: element types; legal pairs of type and compression.
    - `shapes()`, `chunk_shapes(shape)`: 1 to 4 dimensions; chunk lengths that fit them.
    - `values(dtype, shape)`: arrays of constants, ramps, smooth fields, noise, spikes, extremes, NaN.
    - `variables()`: an array with chunks and codec, whose values the codec can hold.
    - `trees()`: groups, scalars, strings and small arrays below one root.
    - `selections(shape)`: ints, slices with any step and an ellipsis, as for `reader[...]`.
    - `streams()`, `damaged(data)`: encoded streams, also such as no writer writes; the same with bytes changed.
- `omfiles.testing.compare`: are two arrays or trees the same, bit for bit or as far as a codec allows; do two files
  differ only in padding bits.
- `omfiles.testing.trees`: write a tree of `reference.Variable` through `OmFileWriter`, get one from an `OmFileReader`.

Nothing here is imported by `import omfiles`.
"""
