#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How a guest can end, with the exit status that scripts rely on: power-off,
# panic, time-out, signals.  Its group is free for the next one each time.

. "$(dirname "$0")/lib/guests.sh"

add_nvme n0 pcie.0 32
run_guests --timeout 900 '
modprobe nvme
load="lab-disk /dev/nvme0n1; while cat /dev/nvme0n1 >/dev/null; do echo read; done"
group="--group $slot0 $claim"

boot 2 "exit 5" $group
said "the command failed with status 5" "guest panicked"
holds nvme $slot0

guest=6.1
boot 2 "false" $group --cpus 2
said "guest panicked: "
holds nvme $slot0
guest=6.12-64k

boot 124 "$load" $group --timeout 40
said "stopped after --timeout 40 seconds" read
holds nvme $slot0

for signal in TERM INT HUP; do
	launch "$load" $group --cpus 2
	wait_for read
	holds $taker $slot0
	kill -$signal "$pvmm"
	ended 2
	said "stopped by signal"
	holds nvme $slot0
done

# The host wants its device back: the operator hears of it.
launch "$load" $group
wait_for read
if [ $taker = vfio-pci ]; then
	echo $slot0 >/sys/bus/pci/drivers/vfio-pci/unbind & unbinding=$!
else
	for tree in /sys/devgroups/*/devices/$slot0; do
		echo 0 >${tree%/devices/*}/claim && fail "a group in use was released"
	done
fi
wait_for "the host wants a device back"
kill -TERM "$pvmm"
ended 2
wait $unbinding
holds nvme $slot0

# One that is told to stop before its guest is there.
launch "echo not reached" $group --console file:/tmp/console
usleep 400000
kill -TERM "$pvmm"
ended 2
holds nvme $slot0

boot 0 "lab-disk /dev/nvme0n1; sha256sum /dev/nvme0n1" $group
[ -z "$(ls /run/pvmm/claims)" ] || fail "a record of a claim was left"'
expect_output "$(sum_of "$work/n0.raw")"
