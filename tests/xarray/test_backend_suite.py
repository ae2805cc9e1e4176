# SPDX-License-Identifier: MIT
"""The tests that xarray has of its own backends.

Some are here in another form, as `.om` keeps more than netCDF does: missing text, and coordinates that belong to
variables or have blanks in their names.
"""

import asyncio
from contextlib import contextmanager

import numpy as np
import pytest
import xarray
from packaging.version import Version
from xarray.testing import assert_identical

from omfiles.xarray import write_dataset

if Version(xarray.__version__) < Version("2026.9"):
    pytest.skip("another version of xarray has other tests", allow_module_level=True)

with xarray.set_options(warn_for_unclosed_files=False):  # which they set for all tests
    from xarray.tests import test_backends as of_xarray
    from xarray.tests.conftest import time_unit, use_dask  # noqa: F401

ONE_WRITE = pytest.mark.skip(reason="a file is written at once: nothing is added to it later")


class TestOmBackend(of_xarray.CFEncodedBase):
    engine = "om"

    def save(self, dataset, path, **options):
        return write_dataset(dataset, path, **options)

    @contextmanager
    def open(self, path, **options):
        with xarray.open_dataset(path, engine="om", **options) as ds:
            yield ds

    # --- what cannot be -----------------------------------------------------------------------------------------------

    @ONE_WRITE
    def test_append_write(self): ...

    @ONE_WRITE
    def test_append_overwrite_values(self): ...

    @ONE_WRITE
    def test_append_with_invalid_dim_raises(self): ...

    @pytest.mark.skip(reason="files are written as a whole, not by a store of xarray")
    def test_write_store(self): ...

    @pytest.mark.skip(reason="no dimension is unlimited")
    def test_encoding_unlimited_dims(self): ...

    @pytest.mark.skip(
        reason="floats are stored as floats, with steps of their own, not as integers of the CF conventions"
    )
    def test_roundtrip_mask_and_scale(self): ...

    @pytest.mark.skip(reason="as before")
    def test_roundtrip_unsigned(self): ...

    # --- what is another way ------------------------------------------------------------------------------------------

    def test_load_async(self):
        asyncio.run(super().test_load_async())

    def test_roundtrip_string_with_fill_value_nchar(self):
        values = np.array(["ab", "cdef", np.nan], dtype=object)
        original = xarray.Dataset({"x": ("t", values, {}, {"dtype": "S1", "_FillValue": b"X"})})
        with self.roundtrip(original) as actual:
            assert_identical(actual, original)

    def test_roundtrip_stringdtype_nulls(self):
        string = np.dtypes.StringDType(na_object=None)
        original = xarray.Dataset({"x": ("t", np.array(["ab", None], string))})
        with self.roundtrip(original) as actual:
            assert_identical(actual, xarray.Dataset({"x": ("t", np.array(["ab", np.nan], object))}))

    def test_roundtrip_coordinates_with_space(self):
        original = xarray.Dataset(coords={"x": 0, "y z": 1})
        with self.roundtrip(original) as actual:
            assert_identical(actual, original)

    def test_coordinate_variables_after_dataset_roundtrip(self):
        original = self._create_cf_dataset()
        for decode_coords in ("all", True):
            with self.roundtrip(original, open_kwargs={"decode_coords": decode_coords}) as actual:
                assert_identical(actual, original)

    def test_invalid_dataarray_names_raise(self):
        for name in (0, (4, 5), True):
            with pytest.raises(TypeError, match="string or None"):
                self.save(xarray.Dataset({name: 1}), "invalid.om")
        original = xarray.Dataset({"": 1})  # which is what arrays of Open-Meteo are called
        with self.roundtrip(original) as actual:
            assert_identical(actual, original)

    def test_encoding_kwarg(self):
        ds = xarray.Dataset({"x": ("y", np.arange(10.0))})
        with self.roundtrip(ds, save_kwargs={"encoding": {"x": {"dtype": "f4"}}}) as actual:
            assert actual.x.encoding["dtype"] == "f4"
        assert ds.x.encoding == {}
        for encoding, error in [
            ({"x": {"foo": "bar"}}, ValueError),
            ({"x": "foo"}, TypeError),
            ({"z": {}}, ValueError),
        ]:
            with pytest.raises(error), self.roundtrip(ds, save_kwargs={"encoding": encoding}):
                pass
