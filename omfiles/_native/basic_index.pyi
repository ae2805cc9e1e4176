# SPDX-License-Identifier: MIT
__pyx_capi__: dict[str, object]
