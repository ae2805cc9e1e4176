/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "common.h"

#include <sys/mman.h>
#include <unistd.h>

/* --- random numbers --------------------------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

uint64_t rng_next(void) { /* xorshift64* */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717u;
}

uint64_t rng_below(uint64_t limit) { return rng_next() % limit; }

uint64_t rng_bits(unsigned n_bits) { return n_bits ? rng_next() >> (64 - n_bits) : 0; }

void rng_fill(uint8_t *dst, size_t n_bytes) {
    for (size_t i = 0; i < n_bytes; i++) dst[i] = (uint8_t)rng_next();
}

void store_word(void *dst, uint64_t word, size_t n_bytes) {
    const uint16_t probe = 1;
    uint8_t lowest;
    memcpy(&lowest, &probe, 1);
    memcpy(dst, (const uint8_t *)&word + (lowest ? 0 : 8 - n_bytes), n_bytes);
}

/* --- guarded memory --------------------------------------------------------------------------------------------- */

#define N_MARKS 64
#define MARK 0xA5

guard guard_new(size_t capacity) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (capacity + N_MARKS + page - 1) / page * page;
    uint8_t *base = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(base != MAP_FAILED, "mmap of %zu bytes", size + page);
    CHECK(mprotect(base + size, page, PROT_NONE) == 0, "mprotect");
    return (guard){base, size};
}

uint8_t *guard_tail(const guard *g, size_t n_bytes) {
    CHECK(n_bytes + N_MARKS <= g->capacity, "%zu bytes of a guard of %zu", n_bytes, g->capacity);
    uint8_t *tail = g->base + g->capacity - n_bytes;
    memset(tail - N_MARKS, MARK, N_MARKS);
    return tail;
}

uint8_t *guard_copy(const guard *g, const void *src, size_t n_bytes) {
    return memcpy(guard_tail(g, n_bytes), src, n_bytes);
}

bool guard_intact(const guard *g, size_t n_bytes) {
    const uint8_t *tail = g->base + g->capacity - n_bytes;
    for (size_t i = 1; i <= N_MARKS; i++)
        if (tail[-(ptrdiff_t)i] != MARK) return false;
    return true;
}

/* --- streams ---------------------------------------------------------------------------------------------------- */

const stream_kind STREAM_KINDS[N_STREAM_KINDS] = {
    {OMF_STREAM_DELTA, 8, "delta"},    {OMF_STREAM_DELTA, 16, "delta"},   {OMF_STREAM_DELTA, 32, "delta"},
    {OMF_STREAM_DELTA, 64, "delta"},   {OMF_STREAM_ZIGZAG, 8, "zigzag"},  {OMF_STREAM_ZIGZAG, 16, "zigzag"},
    {OMF_STREAM_ZIGZAG, 32, "zigzag"}, {OMF_STREAM_ZIGZAG, 64, "zigzag"}, {OMF_STREAM_XOR, 32, "xor"},
    {OMF_STREAM_XOR, 64, "xor"},
};

static size_t ceil8(size_t n_bits) { return (n_bits + 7) / 8; }

/* One variable-byte number of at most n_bits bits, not always in its shortest form. */
static size_t grow_number(uint8_t *dst, unsigned n_bits) {
    uint64_t y = rng_bits(n_bits);
    if (y < 177 && rng_below(2)) {
        dst[0] = (uint8_t)y;
        return 1;
    }
    if (y >= 177 && y < 16561 && rng_below(2)) {
        dst[0] = (uint8_t)(177 + ((y - 177) >> 8));
        dst[1] = (uint8_t)(y - 177);
        return 2;
    }
    unsigned k = 3 + (unsigned)rng_below(6);
    while (k < 8 && y >> (8 * k)) k++;
    dst[0] = (uint8_t)(249 + k - 3);
    for (unsigned i = 0; i < k; i++) dst[1 + i] = (uint8_t)(y >> (8 * i));
    return 1 + k;
}

size_t grow_block(uint8_t *dst, unsigned n, unsigned width, unsigned layout, unsigned bits) {
    uint8_t *at = dst;
    *at++ = (uint8_t)(layout << 6 | (bits < 63 ? bits : 63));
    size_t low_size = ceil8((size_t)n * bits);
    if (layout == CONSTANT) low_size = ceil8(bits);
    if (layout == PLAIN || layout == CONSTANT) {
        rng_fill(at, low_size);
        return (size_t)(at + low_size - dst);
    }
    bool fits_byte = bits <= 8 && rng_below(2); /* as those of smooth data do */
    unsigned extra = (unsigned)rng_below((fits_byte ? 8 : width) - bits + 1), one_in = 1 + (unsigned)rng_below(40),
             m = 0;
    uint8_t positions[128];
    for (unsigned i = 0; i < n; i++)
        if (rng_below(one_in) == 0 && one_in < 40) positions[m++] = (uint8_t)i;
    if (layout == PATCH) {
        *at++ = (uint8_t)extra;
        memset(at, 0, ceil8(n));
        for (unsigned i = 0; i < m; i++) at[positions[i] / 8] |= (uint8_t)(1u << positions[i] % 8);
        at += ceil8(n);
        rng_fill(at, ceil8((size_t)m * extra) + low_size);
        return (size_t)(at + ceil8((size_t)m * extra) + low_size - dst);
    }
    *at++ = (uint8_t)m;
    rng_fill(at, low_size);
    at += low_size;
    if (m && rng_below(4) == 0) {
        *at++ = 255;
        for (unsigned i = 0; i < m; i++) {
            uint64_t y = rng_bits(extra);
            for (unsigned k = 0; k < width / 8; k++) *at++ = (uint8_t)(y >> (8 * k));
        }
    } else {
        for (unsigned i = 0; i < m; i++) at += grow_number(at, extra);
    }
    memcpy(at, positions, m);
    return (size_t)(at + m - dst);
}

size_t grow_stream(uint8_t *dst, size_t n, stream_kind kind) {
    uint8_t *at = dst;
    if (kind.kind != OMF_STREAM_XOR) {
        *at++ = (uint8_t)rng_below(kind.width == 8 ? 256 : 128);
        n--;
    }
    while (n) {
        unsigned size = n < 128 ? (unsigned)n : 128;
        unsigned layout = (unsigned)rng_below(4), bits = (unsigned)rng_below((rng_below(2) ? 8 : kind.width) + 1);
        if (kind.width == 8 && layout == VBYTE) layout = PATCH;
        if (kind.width == 64 && bits == 63) bits = 64;
        if (kind.kind == OMF_STREAM_XOR) *at++ = (uint8_t)rng_below(rng_below(2) ? 256 : kind.width / 2);
        at += grow_block(at, size, kind.width, layout, bits);
        n -= size;
    }
    return (size_t)(at - dst);
}

size_t damage(uint8_t *bytes, size_t n_bytes) {
    for (uint64_t changes = 1 + rng_below(3); changes; changes--) {
        size_t at = (size_t)rng_below(rng_below(2) && n_bytes > 12 ? 12 : n_bytes + 1);
        switch (rng_below(5)) {
        case 0: n_bytes = at < n_bytes ? at : n_bytes; break;
        case 1:
            if (at < n_bytes) bytes[at] = (uint8_t)rng_next();
            break;
        case 2:
            if (at < n_bytes) bytes[at] = 255;
            break;
        case 3:
            if (at < n_bytes) bytes[at] ^= (uint8_t)(1u << rng_below(8));
            break;
        default: bytes[n_bytes++] = (uint8_t)rng_next();
        }
    }
    return n_bytes;
}

/* --- SIMD ------------------------------------------------------------------------------------------------------- */

void at_every_level(void (*test)(void)) {
    for (unsigned i = 0; omf_simd_available(i); i++) {
        CHECK(omf_simd_select(omf_simd_available(i)) == OMF_OK, "%s", omf_simd_available(i));
        test();
    }
}
