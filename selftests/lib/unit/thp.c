// SPDX-License-Identifier: MIT
/*
 * thp.c - what the kernel's switches for transparent huge pages are taken for,
 * by trees of files made up here, and the switch of the process itself.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "os/thp.h"

#define DIR "/sys/kernel/mm/transparent_hugepage"

static char root[64];

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *f;
	size_t i;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (i = strlen(root) + 1; full[i]; i++) {
		if (full[i] != '/')
			continue;
		full[i] = '\0';
		mkdir(full, 0700);
		full[i] = '/';
	}
	f = fopen(full, "w");
	if (!EXPECT(f, "%s: errno %d", full, errno))
		return;
	fputs(text, f);
	fclose(f);
}

static void start(void)
{
	strcpy(root, "/tmp/ashlar-thp-XXXXXX");
	EXPECT(mkdtemp(root), "errno %d", errno);
}

static void finish(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -r %s", root);
	EXPECT(!system(cmd), "%s", cmd);
}

static void machine_switch(void)
{
	start();
	EXPECT_EQ(OS_THP_UNKNOWN, os_thp_state(root));
	EXPECT(os_thp_max_ptes_none(root) < 0, "read");
	put("/sys/kernel/notes", "x");
	EXPECT_EQ(OS_THP_ABSENT, os_thp_state(root));
	put(DIR "/enabled", "always madvise [never]\n");
	EXPECT_EQ(OS_THP_NEVER, os_thp_state(root));
	put(DIR "/enabled", "always [madvise] never\n");
	EXPECT_EQ(OS_THP_MADVISE, os_thp_state(root));
	put(DIR "/enabled", "[always] madvise never\n");
	EXPECT_EQ(OS_THP_ALWAYS, os_thp_state(root));
	put(DIR "/khugepaged/max_ptes_none", "511\n");
	EXPECT_EQ(511, os_thp_max_ptes_none(root));
	put(DIR "/khugepaged/max_ptes_none", "0\n");
	EXPECT_EQ(0, os_thp_max_ptes_none(root));
	finish();
}

static void size_switch(void)
{
	start();
	put(DIR "/enabled", "always [madvise] never\n");
	put(DIR "/hugepages-2048kB/enabled", "always [inherit] madvise never\n");
	EXPECT_EQ(OS_THP_MADVISE, os_thp_state(root));
	put(DIR "/hugepages-2048kB/enabled", "always inherit madvise [never]\n");
	EXPECT_EQ(OS_THP_NEVER, os_thp_state(root));
	put(DIR "/enabled", "always madvise [never]\n");
	put(DIR "/hugepages-2048kB/enabled", "[always] inherit madvise never\n");
	EXPECT_EQ(OS_THP_ALWAYS, os_thp_state(root));
	finish();
}

static int disabled(void *arg)
{
	(void)arg;
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		return 2;
	return os_thp_state(root) == OS_THP_DISABLED && !os_thp_is_possible() ?
		       0 : 3;
}

static void process_switch(void)
{
	struct child child;

	start();
	put(DIR "/enabled", "[always] madvise never\n");
	child_call(&child, disabled, NULL);
	EXPECT_EQ(0, child_code(&child));
	EXPECT_EQ(OS_THP_ALWAYS, os_thp_state(root));
	finish();
}

static void words(void)
{
	enum os_thp state;

	for (state = OS_THP_UNKNOWN; state <= OS_THP_DISABLED; state++)
		EXPECT(os_thp_text(state) && *os_thp_text(state),
		       "no words for %d", (int)state);
	EXPECT(strstr(os_thp_text(OS_THP_DISABLED), "prctl"), "%s",
	       os_thp_text(OS_THP_DISABLED));
	EXPECT(strstr(os_thp_text(OS_THP_NEVER), DIR), "%s",
	       os_thp_text(OS_THP_NEVER));
}

static const struct ktap_test tests[] = {
	{"machine_switch", machine_switch},
	{"size_switch", size_switch},
	{"process_switch", process_switch},
	{"words", words},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
