#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Guests on what only the group driver has: two groups merged into one host bridge;
# one of two devices unplugged under the guest, which then reboots; a group frozen
# while its guest reads from the disk, and released; pvmm killed at random moments
# of its guest's boot and I/O.  Arguments select parts.

BACKEND=devgroups
. "$(dirname "$0")/lib/guests.sh"

run_in_host()
{
	local last=$#

	run_guests "${@:1:last-1}" --copy-in "$scenario_lib/devgroups-in-host.sh" \
		". /lab/devgroups-in-host.sh
		modprobe -a nvme e1000e; lab-disk /dev/nvme0n1
		${!last}"
}

# Both in one PCI domain, and each back in its own group afterwards.
merged()
{
	new_host
	add_nvme n0 pcie.0 16
	add_card e0 e1000e pcie.1
	run_in_host --timeout 600 '
		disk=$(group_of 0000:01:00.0) card=$(group_of 0001:01:00.0)
		before=$(device_state)
		echo "${disk##*/} ${card##*/}" >$groups/merge
		boot 0 "lspci; lab-disk /dev/nvme0n1; sha256sum /dev/nvme0n1; ip link set eth0 up
			udhcpc -q -n -i eth0 && echo got an address; cat /proc/interrupts" --group $disk
		said "'"$(sum_of "$work/n0.raw")"'" "got an address"
		[ "$(grep -a -o "^000[0-9]:00:[0-9a-f.]* 0[12]" "$log" | cut -d: -f1 | sort -u)" = 0000 ] ||
			fail "not one PCI domain"
		counted eth0
		counted nvme0q1
		is free $disk
		# A member is not taken by itself.
		lab-modules
		pvmm --group "/sys/kernel/iommu_groups/${card##*/}" --kernel /guest/vmlinux --timeout 5 \
			>/tmp/refused 2>&1 && fail "a member was taken by itself"
		cat /tmp/refused
		echo "${disk##*/}" >$groups/unmerge
		is free $disk
		is free $card
		[ "$(device_state)" = "$before" ] || fail "not as before: $(device_state)"
		lab-disk /dev/nvme0n1'
}

# What is left works on, and is all there is when the guest has rebooted.  Not by "reboot", as the
# card's driver would reach for it then (docs/lab.md on BARs that are trapped).
unplugged()
{
	new_host
	add_nvme n0 pcie.0 16
	add_card e0 e1000e pcie.1
	run_in_host --timeout 600 '
		disk=$(group_of 0000:01:00.0) card=$(group_of 0001:01:00.0)
		echo "${disk##*/} ${card##*/}" >$groups/merge
		launch "lab-disk /dev/nvme0n1; sha256sum /dev/nvme0n1; card=/sys/class/net/eth0/device/config
			if [ -e \$card ]; then echo a card
				until hexdump -n 2 \$card | grep -q ffff; do usleep 100000; done
				echo the card is gone; sha256sum /dev/nvme0n1; echo b >/proc/sysrq-trigger; sleep 60
			else echo no card; fi" --group $disk --timeout 300
		wait_for "a card"
		echo 1 >$pci/0001:01:00.0/remove
		ended 0
		said "the card is gone" "0001:01:00.0 was unplugged; the guest starts without it" \
			"no card"
		said_times 3 "'"$(sum_of "$work/n0.raw")"'"
		is free $disk
		holds nvme 0000:01:00.0
		echo 1 >/sys/bus/pci/rescan
		within 10 holds e1000e 0001:01:00.0'
}

# The guest has EEH switched off: its driver sees requests that do not end, resets the
# disk once that is there again, and asks again.  What it read is right in the end.
frozen()
{
	new_host
	add_nvme n0 pcie.0 16
	run_in_host --timeout 900 '
		group=$(group_of 0000:01:00.0)
		append="quiet eeh=off nvme_core.io_timeout=4 nvme_core.admin_timeout=4"
		launch "lab-disk /dev/nvme0n1; for n in \$(seq 12); do
			dd if=/dev/nvme0n1 bs=64k iflag=direct 2>/dev/null | sha256sum >>/tmp/sums; echo round \$n
			done; echo sums: \$(sort -u /tmp/sums)" --group $group --timeout 600
		wait_for "round 2"
		echo "-- frozen"
		echo 1 >$group/freeze
		is frozen $group
		wait_for "is frozen by the host"
		grep -q "^frozen admin" $group/error_state || fail "error_state: $(cat $group/error_state)"
		rounds=$(grep -a -c "^round" "$log")
		sleep 3
		[ "$(grep -a -c "^round" "$log")" -le $((rounds + 1)) ] || fail "I/O goes on in a frozen group"
		echo mmio >$group/freeze
		wait_for "registers are released"
		is frozen $group
		echo dma >$group/freeze
		wait_for "is released: its devices work again"
		is in-use $group
		echo "-- released after round $(grep -a -c "^round" "$log")"
		ended 0
		said "sums: '"$(sum_of "$work/n0.raw")"' -"
		is free $group
		holds nvme 0000:01:00.0'
}

# Each time the group comes back by itself, nothing stays pinned, and the disk is intact.
killed()
{
	new_host
	add_nvme n0 pcie.0 64
	run_in_host --timeout 5400 '
		group=$(group_of 0000:01:00.0)
		sum="'"$(sum_of "$work/n0.raw" 0 48)"'"
		given_back() { is free $group; holds nvme 0000:01:00.0; lab-disk /dev/nvme0n1; }
		before=$(pins)
		for round in $(seq '"${ROUNDS:-50}"'); do
			moment=$(awk -v seed=$((round * 7919)) "BEGIN { srand(seed); print int(rand() * 16000000) }")
			launch "lab-disk /dev/nvme0n1; while dd if=/dev/nvme0n1 of=/dev/nvme0n1 bs=1M count=16 \
				seek=48 iflag=direct oflag=direct; do :; done" --group $group --cpus 2
			usleep $moment
			echo "-- round $round: killed after $moment us"
			kill -KILL "$pvmm"
			ended 137
			within 60 given_back
			pinned_as "$before" || fail "pages pinned: $before before, $(pins) now"
			grep -q "^memory 0 kB" $group/dma_pinned || fail "$(cat $group/dma_pinned)"
			dd if=/dev/nvme0n1 bs=1M count=48 2>/dev/null | sha256sum | grep -q "$sum" ||
				fail "the disk holds something else"
		done'
}

for part in "${@:-merged}"; do
	"$part"
done
