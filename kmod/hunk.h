/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The size of what is handed out: 2 MiB on every page size.
 *
 * A hunk is one compound page.  On 4 KiB pages it is a PMD; elsewhere it may be
 * smaller than one.  Only constants here.
 */
#ifndef ASHLAR_HUNK_H
#define ASHLAR_HUNK_H

#include <linux/bits.h>
#include <linux/mm.h>
#include <uapi/linux/ashlar.h>

#define HUNK_ORDER	(ASHLAR_HUNK_SHIFT - PAGE_SHIFT)
#define HUNK_NR		BIT(HUNK_ORDER)
#define HUNK_SIZE	BIT(ASHLAR_HUNK_SHIFT)
#define HUNK_MASK	(~(HUNK_SIZE - 1))

/* Whether the core maps a hunk by one PMD. */
#define HUNK_IS_PMD	(HPAGE_PMD_SHIFT == ASHLAR_HUNK_SHIFT)

#endif /* ASHLAR_HUNK_H */
