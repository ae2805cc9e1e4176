/* SPDX-License-Identifier: MIT */
/* base: properties of data types and codecs (format.md, sections 1 and 3). */
#include "omf/types.h"

#include <math.h>

bool omf_type_is_array(unsigned type) { return type >= OMF_TYPE_INT8_ARRAY && type <= OMF_TYPE_DOUBLE_ARRAY; }

size_t omf_type_size(unsigned type) {
    static const uint8_t sizes[] = {0, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 0, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

bool omf_codec_is_valid(const omf_codec *codec) {
    if (!omf_type_is_array(codec->type)) return false;
    if (!isfinite(codec->scale_factor) || codec->scale_factor == 0 || !isfinite(codec->add_offset)) return false;
    switch (codec->compression) {
    case OMF_PFOR_DELTA_2D_INT16:
    case OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC: return codec->type == OMF_TYPE_FLOAT_ARRAY;
    case OMF_FPX_XOR_2D: return codec->type == OMF_TYPE_FLOAT_ARRAY || codec->type == OMF_TYPE_DOUBLE_ARRAY;
    case OMF_PFOR_DELTA_2D: return true;
    default: return false;
    }
}
