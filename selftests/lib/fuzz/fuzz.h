/* SPDX-License-Identifier: MIT */
/* fuzz.h - what a fuzz target shows to libFuzzer or to driver.c. */
#ifndef SELFTESTS_LIB_FUZZ_H
#define SELFTESTS_LIB_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/**
 * LLVMFuzzerTestOneInput() - try one input; a fault ends the process.
 * @data: bytes.
 * @len: how many.
 *
 * Return: 0.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif
