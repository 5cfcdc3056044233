# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What every set-up script shares: where things are, how a step talks to the
# user, and how a step is done once, by one run at a time, and never half.

# The checkout.  Everything generated goes to $build and nowhere else.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build

# On a terminal a new line replaces what a ticker left on the last one.
say()
{
	if [ -t 2 ]; then
		printf '\r\033[K' >&2
	fi
	echo "pvmm: $*" >&2
}

# Shows every second how long the step takes and how much it has written to
# its folder and the download cache.
tick()
{
	local dir=$1 start=$SECONDS size

	while sleep 1 && kill -0 $$ 2>/dev/null; do
		# Files come and go meanwhile, of which du complains.
		size=$(du -smc "$dir" "$build/cache/debs" 2>/dev/null | tail -n 1 | cut -f1) || true
		printf '\r  %d s, %d MB\033[K' $((SECONDS - start)) "$size" >&2
	done
}

end_ticker()
{
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
	printf '\r\033[K' >&2
}

# with_ticker FOLDER COMMAND... runs a long command in a subshell and shows, on
# a terminal, that it goes on.  Not for use in a condition: set -e must hold.
with_ticker()
(
	dir=$1
	shift
	if [ -t 2 ]; then
		tick "$dir" 9>&- &
		# shellcheck disable=SC2064
		trap "end_ticker $!" EXIT
	fi
	"$@"
)

# A script whose status 1 means something else sets $die_status.
die()
{
	say "$*"
	exit "${die_status:-1}"
}

# One line that identifies the arguments and the content of the files among
# them; the key under which a step's result is remembered.
key_of()
{
	local arg

	for arg in "$@"; do
		echo "$arg"
		if [ -f "$arg" ]; then
			sha256sum <"$arg"
		fi
	done | sha256sum | cut -c1-32
}

# step NAME KEY MAKE [ARG]... runs MAKE with an empty directory as its first
# argument, then puts that directory in place as $build/NAME.  If $build/NAME
# was already made with the same KEY nothing happens.
step()
{
	local name=$1 key=$2 make=$3
	local target=$build/$name partial=$build/$name.partial
	shift 3

	if [ "$(cat "$target/.key" 2>/dev/null)" = "$key" ]; then
		return 0
	fi
	rm -rf "$partial"
	mkdir -p "$partial"
	# Not in a condition: set -e must stay in force inside $make.
	with_ticker "$partial" "$make" "$partial" "$@"
	echo "$key" >"$partial/.key"
	put_aside "$target"
	mv "$partial" "$target"
}

# A running host may have the old result open: leave it for some hours.
put_aside()
{
	find "$(dirname "$1")" -maxdepth 1 -name '*.old.*' -mmin +360 -exec rm -rf {} +
	if [ -e "$1" ]; then
		touch "$1"
		mv "$1" "$1.old.$$"
	fi
}

# Runs a command while holding the lock on the build folder.  Scripts that it
# starts see PVMM_SETUP_LOCKED and do not lock again.
with_setup_lock()
{
	if [ -n "${PVMM_SETUP_LOCKED:-}" ]; then
		"$@"
		return
	fi
	mkdir -p "$build"
	(
		if ! flock --nonblock 9; then
			say "another run is setting up $build; waiting for it"
			flock 9
		fi
		export PVMM_SETUP_LOCKED=1
		"$@"
	) 9>"$build/.lock"
}
