#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pvmm killed with SIGKILL while its guest reads and writes a disk: the process that
# watches over it gives the disk back to its driver.  When that one is killed as
# well, the group can be taken again and works, and goes back in the end; so it
# does by the command that pvmm printed.

. "$(dirname "$0")/lib/guests.sh"

add_nvme n0 pcie.0 64
run_guests --timeout 900 '
modprobe nvme
load="lab-disk /dev/nvme0n1; while dd if=/dev/nvme0n1 of=/dev/nvme0n1 bs=1M count=16 seek=48 iflag=direct oflag=direct; do
	echo copied; done"
group="--group $slot0"
sum="'"$(sum_of "$work/n0.raw" 0 48)"'"

start_load()
{
	launch "$load" $group $claim --cpus 2
	wait_for copied
	holds $taker $slot0
}

# Its watchers are stopped first, and so cannot see that it is gone.
kill_all()
{
	start_load
	children=$(cat "/proc/$pvmm/task/$pvmm/children")
	[ -n "$children" ] || fail "nobody watches over pvmm"
	kill -STOP $children
	kill -KILL "$pvmm"
	kill -KILL $children
	ended 137
	holds $taker $slot0
}

nothing_left()
{
	holds nvme $slot0
	[ -z "$(ls /run/pvmm/claims)" ] || fail "a record of a claim was left"
}

for n in 1 2; do
	start_load
	kill -KILL "$pvmm"
	ended 137
	ticks=0
	until [ "$(driver_of $slot0)" = nvme ] && [ -z "$(ls /run/pvmm/claims)" ]; do
		usleep 100000
		ticks=$((ticks + 1))
		[ "$ticks" -lt 300 ] || fail "the disk was not given back: $(driver_of $slot0)"
	done
done

kill_all
kill_all
boot 0 "lab-disk /dev/nvme0n1; dd if=/dev/nvme0n1 bs=1M count=48 iflag=direct | sha256sum" $group $claim
said "$sum"
nothing_left

kill_all
command=$(tr -d "\r" <"$log" | sed -n "s/.*gives it back: //p")
echo "running: $command"
eval "$command"
nothing_left
lab-disk /dev/nvme0n1
dd if=/dev/nvme0n1 bs=1M count=48 | sha256sum | grep "$sum" || fail "the host reads something else"'
