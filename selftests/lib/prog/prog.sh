# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# prog.sh - sourced by the tests that run real programs under preload.
#
# A test names itself, then calls `compare NAME COMMAND...` for each workload:
# the command's output and exit status on libc's malloc are the reference for
# the same command under each backend, and hardened. Every preloaded run must
# also leave a valid statistics file of some process, which shows that it was
# preloaded.

set -u -o pipefail
TOP=${TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)}
LIB=$TOP/${BUILD:-build}/lib/libashlar.so
BACKENDS=${BACKENDS:-auto thp plain hugetlb auto,harden:1}
HERE=$TOP/selftests/lib/prog
export LC_ALL=C TZ=UTC

TMP=$(mktemp -d /tmp/ashlar-prog-XXXXXX)
at_end=:
trap 'eval "$at_end"; rm -rf "$TMP"' EXIT
trap 'exit 143' TERM INT
nr=0 nr_failed=0

[ -r "$LIB" ] || { echo "Bail out! no $LIB: run make first"; exit 1; }
echo 'KTAP version 1'

ok()
{
	nr=$((nr + 1))
	echo "ok $nr $1"
}

not_ok() # name, text
{
	nr=$((nr + 1)) nr_failed=$((nr_failed + 1))
	echo "not ok $nr $1 # $2"
}

skip() # name, why
{
	nr=$((nr + 1))
	echo "ok $nr $1 # SKIP $2"
}

# Ends the test with its plan.
finish()
{
	echo "1..$nr"
	[ "$nr" -gt 0 ] && [ "$nr_failed" -eq 0 ]
	exit
}

# Ends the test as skipped unless all these programs are there.
needs()
{
	local program

	for program; do
		command -v "$program" >/dev/null && continue
		echo "1..0 # SKIP no $program on this machine"
		exit 0
	done
}

# preloaded BACKEND COMMAND...: the command on Ashlar, leaving statistics.
preloaded()
{
	local backend=$1

	shift
	rm -rf "$TMP/stats"
	mkdir -p "$TMP/stats"
	env LD_PRELOAD="$LIB" \
		ASHLAR_CONF="backend:$backend,warn:false,stats_json:$TMP/stats/%p.json" \
		"$@"
}

# The statistics of a preloaded run: there, and each of them JSON.
check_stats() # name
{
	local out

	if out=$("$HERE/check-stats" "$TMP/stats"); then
		ok "$1 statistics"
	else
		not_ok "$1 statistics" "$out"
	fi
}

# In a directory of its own, so that runs meet no files of others.
run_in_new_dir() # directory, command...
{
	local dir=$1

	shift
	rm -rf "$dir"
	mkdir -p "$dir"
	(cd "$dir" && "$@")
}

compare() # name, command...
{
	local name=$1 want got backend

	shift
	run_in_new_dir "$TMP/work" "$@" >"$TMP/want" 2>"$TMP/want.err"
	want=$?
	if [ $want -ne 0 ] || ! [ -s "$TMP/want" ]; then
		not_ok "$name" "expected output and status 0 on libc's malloc, saw $want, $(tail -n 1 "$TMP/want.err")"
		return
	fi
	for backend in $BACKENDS; do
		run_in_new_dir "$TMP/work" preloaded "$backend" "$@" \
			>"$TMP/got" 2>"$TMP/got.err"
		got=$?
		if [ $got -ne 0 ]; then
			not_ok "$name $backend" "expected status 0, saw $got: $(tail -n 1 "$TMP/got.err")"
		elif ! diff "$TMP/want" "$TMP/got" >"$TMP/diff"; then
			not_ok "$name $backend" "expected libc's output, saw $(sed -n 2,3p "$TMP/diff" | tr '\n' ' ')"
		else
			ok "$name $backend"
		fi
		check_stats "$name $backend"
	done
}
