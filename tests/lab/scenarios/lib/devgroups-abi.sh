# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For scenarios that use a group's file: run_abi is run_devgroups with the programs
# of tests/lab/abi in /lab.

two_groups()
{
	new_host
	add_nvme n0 pcie.0 8
	add_usb_combo pcie.2
}

build_abi()
{
	local source

	for source in "$devgroups_top"/tests/lab/abi/*.c; do
		powerpc64le-linux-gnu-gcc -static -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -pthread \
			--sysroot="$devgroups_top/build/sysroot" \
			-o "$work/$(basename "$source" .c)" "$source"
	done
}

run_abi()
{
	local -a programs=()
	local source

	for source in "$devgroups_top"/tests/lab/abi/*.c; do
		programs+=(--copy-in "$work/$(basename "$source" .c)")
	done
	run_devgroups "${programs[@]}" "$@"
}

build_abi || fail "the programs cannot be built"
