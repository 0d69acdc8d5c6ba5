/* SPDX-License-Identifier: MIT */
/*
 * What the files of the API layer share.  Only this layer writes errno.
 */
#ifndef ASHLAR_API_API_H
#define ASHLAR_API_API_H

#include "base/bits.h"

#define API __attribute__((visibility("default")))

#endif
