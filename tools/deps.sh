#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs, by apt, what the tests and the demo need and this machine lacks.
# It says what and why before it does anything, asks nothing, and leaves no
# server running: redis-server is wanted as a program, not as a service.
#
#	tools/deps.sh check|demo|vm|cross|docs|bench|all...
#
# `make` alone needs none of this: a C compiler, make and git do. DEPS=0 skips
# everything. Guest kernels are not installed at all; see tools/vm/fetch.

set -eu

# group: why | packages
list()
{
	case $1 in
	build)	echo 'library, tools and tests in C and C++|gcc g++ make libc6-dev pkg-config' ;;
	libs)	echo 'libraries the tools and tests use|libnuma-dev liburing-dev libjansson-dev numactl python3' ;;
	programs) echo 'real programs run under Ashlar|redis-server redis-tools sqlite3 perl git gdb strace' ;;
	peers)	echo 'the allocators Ashlar is compared with|libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4' ;;
	bench_programs) echo 'real programs the benchmarks run|lua5.4 rocksdb-tools ghostscript clang' ;;
	vm)	echo 'guests that run the module away from your kernel|qemu-system-x86 busybox-static kmod python3 xz-utils' ;;
	module)	echo 'building the module for the guests|gcc make libelf-dev bc' ;;
	cross)	echo 'AArch64 builds and their tests|gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user' ;;
	vm64)	echo 'AArch64 guests|qemu-system-arm' ;;
	debugk)	echo 'building the debug kernel|flex bison bc libelf-dev libssl-dev xz-utils gcc make' ;;
	count)	echo 'counting instructions and plotting|valgrind gnuplot-nox' ;;
	docs)	echo 'the documentation|python3-sphinx man-db' ;;
	*)	echo "deps.sh: no group '$1'; expected check, demo, vm, cross, docs, bench, debug or all" >&2
		exit 2 ;;
	esac
}

groups()
{
	case $1 in
	check)	echo build libs programs vm module cross vm64 count docs ;;
	demo)	echo build libs programs vm module ;;
	vm)	echo vm module ;;
	vm-arm64) echo vm vm64 module cross ;;
	bench)	echo build libs programs peers bench_programs count ;;
	debug)	echo vm module debugk ;;
	all)	echo build libs programs peers bench_programs vm module cross vm64 debugk count docs ;;
	*)	echo "$1" ;;
	esac
}

is_installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if [ "${DEPS:-1}" = 0 ]; then
	exit 0
fi
if [ $# -eq 0 ]; then
	echo "usage: $0 GROUP...   (check, demo, vm, cross, docs, bench, debug, all)" >&2
	exit 2
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "deps.sh: no apt on this machine; install the packages named in" \
		"tools/deps.sh by hand, then use DEPS=0" >&2
	exit 1
fi

missing=
report=
for wanted in "$@"; do
	for group in $(groups "$wanted"); do
		entry=$(list "$group")
		lacks=
		for pkg in ${entry#*|}; do
			case " $missing " in *" $pkg "*) continue ;; esac
			is_installed "$pkg" || lacks="$lacks $pkg"
		done
		[ -n "$lacks" ] || continue
		missing="$missing$lacks"
		report="$report  ${entry%%|*}:$lacks
"
	done
done
[ -n "$missing" ] || exit 0

echo "These Debian packages are missing and will be installed by apt-get"
echo "(DEPS=0 skips this step):"
printf '%s' "$report"

if [ "$(id -u)" != 0 ]; then
	echo "deps.sh: apt-get needs root, and this is uid $(id -u). As root, run" >&2
	echo "  apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

# While packages are configured no service may start: a policy-rc.d that says
# no is Debian's own way. One that is there already is left alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	trap 'exit 1' INT TERM HUP
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi

export DEBIAN_FRONTEND=noninteractive
lock='-o DPkg::Lock::Timeout=600'
log=$(mktemp)
# shellcheck disable=SC2086 # lists of words on purpose
if ! { apt-get $lock update &&
       apt-get $lock install -y --no-install-recommends $missing; } \
		</dev/null >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	echo "deps.sh: apt-get failed (whole log: $log)" >&2
	exit 1
fi
rm -f "$log"
