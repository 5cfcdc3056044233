# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For scenarios about pvmm itself: runs a script in a host with the functions of
# in-host.sh at hand. Those with devices are run with each of two backends: BACKEND
# is vfio, the default, or devgroups. PVMM_OPTIONS are for every pvmm that they start. MACHINE is
# the kind of host: powernv9, the default, powernv10, or pseries, an LPAR.

. "$(dirname "${BASH_SOURCE[0]}")/../../lib/scenario.sh"

scenario_lib=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

backend=${BACKEND:-vfio}
# Page size of the next host, or debug.
page_size=${PAGE_SIZE:-64k}

# The kind of the next hosts. The first devices on buses pcie.0 and pcie.1 are $slot0 and $slot1,
# in hosts' scripts, too.
use_machine()
{
	machine=$1
	case $machine in
	powernv*)	slot0=0000:01:00.0 slot1=0001:01:00.0 ;;
	pseries)	slot0=0001:00:00.0 slot1=0002:00:00.0 ;;
	*)		fail "no machine $machine" ;;
	esac
}
use_machine "${MACHINE:-powernv9}"
# More for the next hosts' command lines. In an LPAR a driver that makes itself a 64-bit DMA window
# uses up those that its group can have, and these scenarios have drivers use a group first.
host_append=
if [ "$machine" = pseries ]; then
	host_append=disable_ddw
fi

# The group driver, for the next host's kernel.
build_group_driver()
{
	"$scenario_lib/../../../../kernel/build" "$page_size"
}

# build_hostile_guest makes $work/hostile, for --copy-in: see tests/lab/hostile.
build_hostile_guest()
{
	local from=$scenario_lib/../../hostile

	powerpc64le-linux-gnu-gcc -mbig-endian -mabi=elfv2 -mcpu=power9 -O1 \
		-std=gnu11 -ffreestanding -fno-pic -no-pie -mno-vsx -mno-altivec -msoft-float \
		-fno-builtin -nostdlib -static -Wl,-EB -Wl,-T,"$from/guest.ld" \
		-Wl,--build-id=none -Wl,--no-warn-rwx-segments \
		"$from/start.S" "$from/guest.c" -o "$work/hostile" ||
		fail "the hostile guest cannot be built"
}

# build_for_guest NAME makes $work/NAME of tests/lab/guest/NAME.c, for --copy-in and enrich.
build_for_guest()
{
	powerpc64le-linux-gnu-gcc -static -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -pthread \
		--sysroot="$scenario_lib/../../../../build/sysroot" -o "$work/$1" \
		"$scenario_lib/../../guest/$1.c" || fail "$1 cannot be built"
}

# run_guests [OPTION]... SCRIPT: like run_script; a check of the script that does
# not hold fails the scenario.
run_guests()
{
	local last=$#

	if [ "$backend" = devgroups ]; then
		build_group_driver
	fi
	run_script --machine "$machine" --page-size "$page_size" --append "$host_append" \
		--copy-in "$scenario_lib/in-host.sh" "${@:1:last-1}" \
		". /lab/in-host.sh; take_groups_by $backend; load_modules
		slot0=$slot0 slot1=$slot1
		options='${PVMM_OPTIONS:-}'
		${!last}"
	expect_status 0
}
