#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A driver that never acknowledges its device's line: the interrupt comes without end. That
# takes one of the guest's CPUs and no more, the others go on, and the operator is told once.

. "$(dirname "$0")/lib/guests.sh"

"$scenario_lib/../../platform/build" 64k || fail "the guest's driver cannot be built"
case $machine in
powernv*)	irqchips="xive xics" ;;
pseries)	irqchips="xics xics-pvmm xive-pvmm" ;;
esac
add_card e0 e1000e pcie.0
run_guests --timeout 900 \
	--copy-in "$scenario_lib/../../../../build/kernel/platform-64k/lab_storm.ko" '
enrich /lab/lab_storm.ko
append="quiet pvmm.drivers=no"
# Time of all CPUs that pvmm, its guest included, has had so far, in ticks of 10 ms.
used() { awk "{ print \$14 + \$15 + 0 }" "/proc/$pvmm/stat"; }

storm()
{
	launch "sleep 2; echo begin; (insmod /bin/lab_storm.ko count='"${COUNT:-20000}"' && echo loaded) &
		for n in 1 2 3 4 5; do sleep 1; echo other CPU \$n; done
		until dmesg | grep lab-storm:.[0-9]; do sleep 1; done; grep lab-storm /proc/interrupts; sleep 1" \
		--group $slot0 $claim --cpus 2 --irqchip "$1"
	wait_for begin
	start=$(used)
	read from rest </proc/uptime
	wait_for "interrupts in"
	end=$(used)
	read to rest </proc/uptime
	share=$(awk "BEGIN { print int(($end - $start) / ($to - $from)) }")
	echo "-- $1: $share % of a CPU for $from to $to s"
	ended 0
	[ "$share" -lt 150 ] || fail "it takes more than one CPU"
	said "other CPU 5" "lab-storm: '"${COUNT:-20000}"' interrupts in"
	said_times 1 "nobody in the guest acknowledges its interrupt"
	said "Level"
}
for irqchip in '"$irqchips"'; do storm $irqchip; done
holds none $slot0'
