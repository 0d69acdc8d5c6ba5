// SPDX-License-Identifier: MIT
/*
 * ashlarctl: shows what the kernel module does and for whom. This file is the
 * command line; what is shown lies in status.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "status.h"

struct options {
	const char *device;
	const char *proc;
	bool is_json;
};

struct command {
	const char *name;
	int (*run)(const struct options *opts);
	const char *help;
};

static int open_or_explain(struct device *dev, const struct options *opts)
{
	char text[512];
	int err = device_open(dev, opts->device);

	if (!err)
		return 0;
	device_explain(opts->device, err, text, sizeof(text));
	fprintf(stderr, "ashlarctl: %s\n", text);
	return err;
}

static int run_status(const struct options *opts)
{
	struct status status;
	struct device dev;
	const char *what;
	int err;

	if (open_or_explain(&dev, opts))
		return 1;
	err = status_read(&status, &dev, opts->proc, &what);
	device_close(&dev);
	if (err) {
		fprintf(stderr, "ashlarctl: %s: %s\n", what, strerror(-err));
		return 1;
	}
	if (opts->is_json)
		status_print_json(&status, stdout);
	else
		status_print(&status, stdout);
	status_fini(&status);
	if (fflush(stdout)) {
		fprintf(stderr, "ashlarctl: output: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}

static const struct command commands[] = {
	{ "status", run_status, "pools by node, counters, and who uses them" },
};

enum { NR_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *out)
{
	fputs("usage: ashlarctl [options] COMMAND\n", out);
	for (int i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name,
			commands[i].help);
	fputs("options:\n"
	      "  -j, --json         as JSON\n"
	      "  -d, --device PATH  another device node than " ASHLAR_DEVICE
	      "\n"
	      "  -p, --proc PATH    another /proc\n"
	      "  -V, --version\n"
	      "  -h, --help\n",
	      out);
}

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "device", required_argument, NULL, 'd' },
	{ "proc", required_argument, NULL, 'p' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void parse(struct options *opts, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "jd:p:Vh", long_options,
				  NULL)) != -1) {
		switch (opt) {
		case 'j':
			opts->is_json = true;
			break;
		case 'd':
			opts->device = optarg;
			break;
		case 'p':
			opts->proc = optarg;
			break;
		case 'V':
			puts("ashlarctl " ASHLAR_VERSION);
			exit(0);
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct options opts = { .device = ASHLAR_DEVICE, .proc = "/proc" };

	parse(&opts, argc, argv);
	if (optind == argc) {
		usage(stderr);
		return 2;
	}
	for (int i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(argv[optind], commands[i].name))
			continue;
		if (optind + 1 == argc)
			return commands[i].run(&opts);
		fprintf(stderr, "ashlarctl: '%s': %s takes no argument\n",
			argv[optind + 1], commands[i].name);
		return 2;
	}
	fprintf(stderr, "ashlarctl: '%s': no such command\n", argv[optind]);
	usage(stderr);
	return 2;
}
