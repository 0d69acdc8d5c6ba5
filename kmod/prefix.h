/* SPDX-License-Identifier: GPL-2.0-only */
/* Included ahead of every file: the name that log lines begin with. */
#ifndef ASHLAR_PREFIX_H
#define ASHLAR_PREFIX_H

#define pr_fmt(fmt) "ashlar: " fmt

#endif /* ASHLAR_PREFIX_H */
