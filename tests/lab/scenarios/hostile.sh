#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A guest that does what no operating system does, and a pvmm started in ways
# that no operator means: it ends as it should, and the host does not notice.

. "$(dirname "$0")/lib/guests.sh"

build_hostile_guest
run_guests --timeout 400 --copy-in "$work/hostile" '
hostile()
{
	mode=$1
	shift
	echo "-- $mode, pvmm $*"
	pvmm --kernel /lab/hostile --append "$mode" "$@" <"$input" >"$log" 2>&1 &
	pvmm=$!
}
hostile q --irqchip xive
ended 0
said refused

# The end of a boot, with vCPUs in the middle of everything, again and again.
for irqchip in auto xics-pvmm; do
	hostile s --cpus 8 --timeout 40 --verbose --irqchip $irqchip
	ended 124
	[ "$(grep -c reboots "$log")" -gt 3 ] || fail "there were hardly any reboots"
done

# A guest that is always about to reboot can be stopped.
hostile r --verbose
wait_for reboots
sleep 2
kill -TERM "$pvmm"
ended 2
said "stopped by signal 15"

echo "-- without standard files"
pvmm --kernel /lab/hostile --append o <&- >&- 2>&- || fail "status $?"
pvmm --kernel /lab/hostile --append o <&- >&- || fail "status $?"
echo "-- few files"
(ulimit -S -n 64; pvmm --kernel /lab/hostile --append o --cpus 128 </dev/null) || fail "status $?"
echo "-- a tree for nobody"
mkfifo /tmp/pipe
hostile h --dump-dtb /tmp/pipe
ended 1
said "--dump-dtb /tmp/pipe: "
hostile h --dump-dtb /dev/full
ended 1
said "is there room?"'
