# SPDX-License-Identifier: MIT
"""What other packages cimport: the functions of the core and, from `omfiles.libomf`, its types and constants.

    from omfiles cimport omf_chunk_decode
    from omfiles.libomf cimport omf_codec, omf_status
"""

from omfiles._core cimport (
    omf_abi_version, omf_status_text, omf_type_is_array, omf_type_size, omf_codec_is_valid, omf_stream_decode,
    omf_stream_bound, omf_stream_encode, omf_chunk_min_size, omf_chunk_max_size, omf_chunk_decode_scratch,
    omf_chunk_decode, omf_chunk_decoder_init, omf_chunk_decoder_feed, omf_chunk_bound, omf_chunk_encode_scratch,
    omf_chunk_encode, omf_chunk_encoder_init, omf_chunk_encoder_next, omf_array_init, omf_trailer_decode,
    omf_header_decode, omf_record_decode, omf_record_child, omf_record_size, omf_record_encode, omf_header_encode,
    omf_trailer_encode, omf_lut_n_groups, omf_lut_range, omf_lut_decode, omf_lut_group_size, omf_lut_encode,
    omf_plan_init, omf_cursor_seek, omf_cursor_next, omf_cursor_check, omf_cursor_decode, omf_table_fill,
    omf_record_is_named,
)
