// SPDX-License-Identifier: MIT
/*
 * ashlarctl: shows what the kernel module does and for whom, and changes its
 * settings. This file is the command line; the commands lie in status.c,
 * watch.c and admin.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "device.h"
#include "options.h"
#include "status.h"
#include "sysfs.h"
#include "watch.h"

struct command {
	const char *name;
	int (*run)(const struct options *opts, int argc, char **argv);
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

static int run_status(const struct options *opts, int argc, char **argv)
{
	struct status status;
	struct device dev;
	const char *what;
	int err;

	if (argc) {
		fprintf(stderr, "ashlarctl: '%s': status takes no argument\n",
			argv[0]);
		return EXIT_USAGE;
	}
	if (open_or_explain(&dev, opts))
		return EXIT_FAULT;
	err = status_read(&status, &dev, opts, &what);
	device_close(&dev);
	if (err) {
		fprintf(stderr, "ashlarctl: %s: %s\n", what, strerror(-err));
		return EXIT_FAULT;
	}
	if (opts->is_json)
		status_print_json(&status, stdout);
	else
		status_print(&status, stdout);
	status_fini(&status);
	return EXIT_OK;
}

static const struct command commands[] = {
	{"status", run_status, "pools by node, counters, and who uses them"},
	{"watch", watch_run,
	 "[SECONDS [COUNT]]: what the module does, a line an interval"},
	{"targets", admin_targets,
	 "[NODE MIN [MAX]]: how much is kept zeroed; show or set"},
	{"drain", admin_drain,
	 "[on|off]: stop handing out memory, show who still holds some"},
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
	      "  -s, --sysfs PATH   another " SYSFS_DIR "\n"
	      "  -V, --version\n"
	      "  -h, --help\n",
	      out);
}

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"device", required_argument, NULL, 'd'},
	{"proc", required_argument, NULL, 'p'},
	{"sysfs", required_argument, NULL, 's'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static void parse(struct options *opts, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "+jd:p:s:Vh", long_options,
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
		case 's':
			opts->sysfs = optarg;
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

/* Options may stand before the command's name and after it. */
int main(int argc, char **argv)
{
	struct options opts = {
		.device = ASHLAR_DEVICE,
		.proc = "/proc",
		.sysfs = SYSFS_DIR,
	};
	const struct command *command = commands;
	int status;

	parse(&opts, argc, argv);
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	while (command < commands + NR_COMMANDS &&
	       strcmp(argv[optind], command->name))
		command++;
	if (command == commands + NR_COMMANDS) {
		fprintf(stderr, "ashlarctl: '%s': no such command\n",
			argv[optind]);
		usage(stderr);
		return EXIT_USAGE;
	}
	argc -= optind;
	argv += optind;
	optind = 0;
	parse(&opts, argc, argv);
	status = command->run(&opts, argc - optind, argv + optind);
	if (fflush(stdout)) {
		fprintf(stderr, "ashlarctl: output: %s\n", strerror(errno));
		return EXIT_FAULT;
	}
	return status;
}
