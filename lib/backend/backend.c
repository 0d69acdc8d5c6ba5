// SPDX-License-Identifier: MIT
/*
 * Choice of the backend, anew for each step of growth: a device that has gone
 * is replaced by the next best for new memory, and used again once it is back.
 */
#include "backend/backend.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/device.h"
#include "backend/status.h"
#include "os/sys.h"
#include "os/thp.h"
#include "rt/conf.h"
#include "rt/print.h"

static const struct backend_ops *const table[NR_BACKENDS] = {
	[BK_PLAIN] = &backend_plain,
	[BK_THP] = &backend_thp,
	[BK_HUGETLB] = &backend_hugetlb,
	[BK_DEV] = &backend_dev,
};

static _Atomic u64 nr_fallbacks;
static atomic_flag has_warned = ATOMIC_FLAG_INIT;

const struct backend_ops *backend_get(enum backend_id id)
{
	return table[id];
}

/* Memory of a backend with refold() is in use. */
static _Atomic bool has_refold;

bool backend_has_refold(void)
{
	return has_refold;
}

static const char *error_text(int err)
{
	const char *s = strerrorname_np(-err);

	return s ? s : "unknown error";
}

static void warn_fallback(enum backend_id from, int err)
{
	static const char *const mends[] = {
		[BK_DEV] = "; is the module loaded and may this user open the "
			   "device?",
		[BK_HUGETLB] = "; see vm.nr_hugepages.",
		[BK_THP] = ".",
	};
	const char *what = conf.device;

	nr_fallbacks++;
	if (!conf.warn || atomic_flag_test_and_set(&has_warned))
		return;
	if (from == BK_HUGETLB)
		what = "MAP_HUGETLB";
	else if (from == BK_THP)
		what = os_thp_text(os_thp_state(""));
	print_error_parts("backend ", table[from]->name, " (", what,
			  ") failed with ", error_text(err), mends[from],
			  " New memory comes from the next best; "
			  "this is said once");
}

/* No module, no permission, or a program that has forbidden itself to open. */
static bool is_no_module(int err)
{
	return err == -ENOENT || err == -EACCES || err == -EPERM;
}

/* The order to try, worst last; returns how many. */
static unsigned int candidates(enum backend_want want, enum backend_id *list)
{
	unsigned int n = 0;

	switch (conf.backend) {
	case BACKEND_DEV:
		list[n++] = BK_DEV;
		break;
	case BACKEND_HUGETLB:
		list[n++] = BK_HUGETLB;
		break;
	case BACKEND_AUTO:
		if (want >= WANT_READY)
			list[n++] = BK_DEV;
		break;
	}
	if (conf.backend != BACKEND_PLAIN && want == WANT_HUGE)
		list[n++] = BK_THP;
	list[n++] = BK_PLAIN;
	return n;
}

/**
 * backend_map() - put memory behind reserved address space
 * @addr: start, 2 MiB aligned
 * @len: bytes, a multiple of 2 MiB
 * @want: how much huge pages are worth
 * @ret_id: the backend that did it
 *
 * Return: 0, or the last candidate's -errno with the range still reserved.
 */
int backend_map(void *addr, size_t len, enum backend_want want,
		enum backend_id *ret_id)
{
	enum backend_id list[NR_BACKENDS];
	unsigned int n = candidates(want, list);
	int err = -ENOMEM;

	for (unsigned int i = 0; i < n; i++) {
		err = table[list[i]]->map(addr, len);
		if (!err) {
			*ret_id = list[i];
			if (table[list[i]]->refold)
				has_refold = true;
			return 0;
		}
		/* auto without a module is no failure worth words */
		if (list[i] >= BK_HUGETLB && conf.backend != BACKEND_AUTO)
			warn_fallback(list[i], err);
		else if (list[i] == BK_THP && conf.backend == BACKEND_THP)
			warn_fallback(list[i], err);
		else if (list[i] == BK_DEV && !is_no_module(err))
			warn_fallback(list[i], err);
	}
	return err;
}

/* How often a wanted backend could not serve. */
u64 backend_fallbacks(void)
{
	return nr_fallbacks;
}

void backend_after_fork(void)
{
	device_after_fork();
	status_after_fork();
}
