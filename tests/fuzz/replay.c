/* SPDX-License-Identifier: MIT */
/* Runs a target on files, where there is no libFuzzer: replay FILE... */
#include "fuzz.h"

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        REQUIRE(file != NULL && fseek(file, 0, SEEK_END) == 0);
        const long size = ftell(file);
        REQUIRE(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
        uint8_t *data = exactly((size_t)size);
        REQUIRE(fread(data, 1, (size_t)size, file) == (size_t)size);
        fclose(file);
        LLVMFuzzerTestOneInput(data, (size_t)size);
        free(data);
    }
    return 0;
}
