// SPDX-License-Identifier: MIT
/* dl_plugin.c - the object that dl.c loads and unloads. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *plugin_make(size_t len);
int plugin_drop(void *p);
int plugin_open_second(void);

static __thread char *local_block;
static void *from_start;

__attribute__((constructor)) static void plugin_start(void)
{
	from_start = malloc(20000);
	if (from_start)
		memset(from_start, 1, 20000);
}

__attribute__((destructor)) static void plugin_end(void)
{
	free(from_start);
	free(local_block);
	local_block = NULL;
}

void *plugin_make(size_t len)
{
	free(local_block);
	local_block = malloc(100);
	return calloc(1, len);
}

int plugin_drop(void *p)
{
	free(p);
	free(local_block);
	local_block = NULL;
	return 1;
}

/* This object's RUNPATH says where the other lies. */
int plugin_open_second(void)
{
	void *dl = dlopen("dl_second.so", RTLD_NOW);

	return dl && !dlclose(dl);
}
