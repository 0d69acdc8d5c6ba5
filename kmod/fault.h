/* SPDX-License-Identifier: GPL-2.0-only */
/* A fault under way. */
#ifndef ASHLAR_FAULT_H
#define ASHLAR_FAULT_H

#include <linux/mm.h>

struct region;
struct slot;

/**
 * struct fault - a fault, located
 * @vmf: the core's
 * @region: where
 * @slot: which slot; its mutex is held
 * @idx: its number
 * @sub: which base page of it
 */
struct fault {
	struct vm_fault *vmf;
	struct region *region;
	struct slot *slot;
	unsigned long idx;
	unsigned long sub;
};

vm_fault_t fault_handle(struct vm_fault *vmf);
vm_fault_t fault_mkwrite(struct vm_fault *vmf);
vm_fault_t fault_error(int err);
vm_fault_t cow_break(struct fault *fault, struct page *page);

#endif /* ASHLAR_FAULT_H */
