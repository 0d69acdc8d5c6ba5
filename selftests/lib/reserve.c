// SPDX-License-Identifier: MIT
/*
 * reserve.c - linked into sanitizer builds: less address space, since the
 * sanitizers want much of it themselves; and what the thread sanitizer must
 * take on trust.
 */

extern const char *ashlar_conf;
__attribute__((visibility("default"))) const char *
__tsan_default_suppressions(void);

const char *ashlar_conf = "reserve:64G";

/*
 * free() reads space.nr_units without atomics, for a shorter instruction: it
 * only grows, and whoever got a block got it after the growth that made room
 * for it. The others are first looks at a word, to decide whether its lock is
 * worth taking or a huge page worth breaking; nothing relies on them.
 */
const char *__tsan_default_suppressions(void)
{
	return "race_top:free_block\n"
	       "race_top:walk_all\n"
	       "race_top:is_wanted\n"
	       "race_top:thread_tick\n";
}
