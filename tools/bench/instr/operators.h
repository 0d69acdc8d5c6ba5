/* SPDX-License-Identifier: MIT */
/*
 * C++ operators by their mangled names, so that the patterns stay C. null.h
 * defines the guard: its own declarations stand in for these.
 */
#ifndef BENCH_INSTR_OPERATORS_H
#define BENCH_INSTR_OPERATORS_H

#include <stddef.h>

void *op_new(size_t len) __asm__("_Znwm");
void op_delete_sized(void *ptr, size_t len) __asm__("_ZdlPvm");

#endif
