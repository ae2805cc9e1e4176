# SPDX-License-Identifier: MIT
"""Exceptions for damaged, foreign and shortened files; misuse raises ValueError, TypeError or IndexError."""

from __future__ import annotations

__all__ = ["OmError", "OmFormatError", "OmReadError"]


class OmError(Exception):
    """Root of the exceptions of this library.

    Parameters
    ----------
    reason : str
        What was found, and what would be right.
    path : str, optional
        The file.
    variable : str, optional
        Name of the variable in the file.
    offset : int, optional
        Byte offset in the file.
    field : str, optional
        Field of the format, such as ``"lut_size"``.

    Examples
    --------
    >>> from omfiles import OmFormatError
    >>> print(OmFormatError("65 is above the file size 40", path="t2m.om", variable="t", offset=16, field="lut_size"))
    t2m.om: variable 't': field 'lut_size' at byte 16: 65 is above the file size 40
    """

    def __init__(
        self,
        reason: str,
        *,
        path: str | None = None,
        variable: str | None = None,
        offset: int | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.path = path
        self.variable = variable
        self.offset = offset
        self.field = field

    @property
    def reason(self) -> str:
        """What was found, and what would be right, without the place."""
        return str(self.args[0])

    def __str__(self) -> str:
        place = []
        if self.field is not None:
            place.append(f"field {self.field!r}")
        if self.offset is not None:
            place.append(f"at byte {self.offset}")
        parts = [
            None if self.path is None else str(self.path),
            None if self.variable is None else f"variable {self.variable!r}",
            " ".join(place) or None,
            self.reason,
        ]
        return ": ".join(part for part in parts if part is not None)


class OmFormatError(OmError, ValueError, RuntimeError):
    """A damaged file, or one that is not an OM file.

    Both ``except ValueError`` and ``except RuntimeError`` catch it.
    """


class OmReadError(OmError, OSError, RuntimeError):
    """A source gave fewer bytes than it should, such as a file that was cut off while it was open.

    Both ``except OSError`` and ``except RuntimeError`` catch it.
    """
