#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Devices that come and go: while their group is claimed, while files are open and a
# BAR is mapped, and while claims and releases are under way.  Arguments select parts.

. "$(dirname "$0")/lib/devgroups.sh"

# mapper FILE maps a page and says what its third word is, every 100 ms, until that is
# no longer possible: then ends with status 7.
make_mapper()
{
	cat >"$work/mapper.c" <<-'END'
	#include <fcntl.h>
	#include <signal.h>
	#include <stdint.h>
	#include <stdio.h>
	#include <sys/mman.h>
	#include <unistd.h>

	static void gone(int signal)
	{
		_exit(write(STDOUT_FILENO, "gone\n", 5) == 5 ? 7 : 1);
	}

	int main(int argc, char **argv)
	{
		volatile uint32_t *page;
		int fd = open(argv[1], O_RDWR | O_SYNC);

		page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (page == MAP_FAILED) {
			perror(argv[1]);
			return 1;
		}
		signal(SIGBUS, gone);
		for (;;) {
			printf("%x\n", page[2]);
			fflush(stdout);
			usleep(100000);
		}
	}
	END
	powerpc64le-linux-gnu-gcc -static -O2 --sysroot="$devgroups_top/build/sysroot" \
		-o "$work/mapper" "$work/mapper.c"
}

set_up='
modprobe -a nvme ehci-pci
modprobe devgroups
nvme=$(group_of 0000:01:00.0) usb=$(group_of 0002:02:01.7)
before=$(device_state)
as_before() { [ "$(device_state)" = "$before" ]; }
unplug() { echo 1 >$pci/$1/remove; }
rescan() { echo 1 >/sys/bus/pci/rescan; }
listed() { [ -e "$(group_of $1)/devices/$1" ]; }
# mapped GROUP: a process reads a BAR of the NVMe disk; "ended" is how it ended.
mapped()
{
	rm -f /tmp/read
	/lab/mapper $1/devices/0000:01:00.0/resource0 >/tmp/read 2>&1 &
	mapper=$!
	within 10 test -s /tmp/read
	# The version register: NVMe 1.4.
	[ "$(head -n 1 /tmp/read)" = 10400 ] || fail "the BAR says $(head -n 1 /tmp/read)"
}
mapping_ended()
{
	within 10 grep -q gone /tmp/read
	ended=0
	wait $mapper || ended=$?
	[ "$ended" = 7 ] || fail "the mapping did not end: $ended"
}
'

unplug_claimed()
{
	new_host
	add_nvme n0 pcie.0 8
	add_usb_combo pcie.2
	run_devgroups --timeout 400 --copy-in "$work/mapper" "$set_up"'
		echo "-- a mapping ends with the claim"
		claim $nvme
		sh -c "printf \"\\2\" | dd of=$pci/0000:01:00.0/config bs=1 seek=4 conv=notrunc 2>/dev/null"
		mapped $nvme
		release $nvme
		mapping_ended
		as_before || fail "not as before"

		echo "-- the only device leaves: so do group, claim, files and mapping"
		claim $nvme
		sh -c "printf \"\\2\" | dd of=$pci/0000:01:00.0/config bs=1 seek=4 conv=notrunc 2>/dev/null"
		mapped $nvme
		exec 3<$nvme/devices/0000:01:00.0/config 4<$nvme/state 5>$nvme/claim
		unplug 0000:01:00.0
		mapping_ended
		[ ! -e $nvme ] || fail "$nvme is still there"
		[ "$(group_numbers)" = "$(ls /sys/kernel/iommu_groups)" ] || fail "other groups"
		if dd bs=4 count=1 <&3 2>/dev/null | grep -q .; then fail "config space of nothing"; fi
		if cat <&4 2>/dev/null; then fail "state of nothing"; fi
		if echo 0 2>/dev/null >&5; then fail "nothing was released"; fi
		exec 3<&- 4<&- 5>&-
		rmmod devgroups
		modprobe devgroups
		rescan
		within 10 listed 0000:01:00.0
		nvme=$(group_of 0000:01:00.0)
		is free $nvme
		within 10 as_before
		claim $nvme
		release $nvme

		echo "-- one of three leaves and comes back"
		claim $usb
		for address in 0002:02:01.1 0002:02:01.7; do
			unplug $address
			is claimed $usb
			[ "$(ls $usb/devices | wc -l)" = 2 ] || fail "$(ls $usb/devices)"
			rescan
			within 10 test -e $usb/devices/$address
			within 10 holds devgroups $address
			is claimed $usb
		done
		release $usb
		within 10 as_before

		echo "-- one that a claim could not take is not bound by others"
		claim $usb
		unplug 0002:02:01.1
		fail_at 9
		rescan
		within 10 all_steps_done
		within 10 sh -c "dmesg | grep -q \"0002:02:01.1 came to a claimed group, not taken\""
		put 0002:02:01.1 /sys/bus/pci/drivers_probe || true
		holds none 0002:02:01.1
		release $usb
		within 10 as_before

		echo "-- one for which there was no memory is taken a moment later"
		claim $usb
		unplug 0002:02:01.1
		fail_at 6
		rescan
		within 10 all_steps_done
		within 10 holds devgroups 0002:02:01.1
		release $usb
		within 10 as_before

		echo "-- a rescan fails to list, the next one does"
		unplug 0002:02:01.1
		fail_at 1
		rescan
		within 10 all_steps_done
		refused "emporarily unavailable" 1 $usb/claim
		within 10 listed 0002:02:01.1
		claim $usb
		release $usb
		as_before || fail "not as before"

		echo "-- all of three leave"
		claim $usb
		for address in 0002:02:01.0 0002:02:01.1 0002:02:01.7; do
			unplug $address
		done
		[ ! -e $usb ] || fail "$usb is still there"
		rescan
		within 10 listed 0002:02:01.7
		within 10 as_before
		rmmod devgroups'
}

# Claims, releases and readers go on while devices come and go.
races()
{
	new_host
	add_nvme n0 pcie.0 8
	add_usb_combo pcie.2
	run_devgroups --timeout 1800 "$set_up"'
		again() { while [ ! -e /tmp/stop ]; do "$@"; done; }
		flip()
		{
			for device in $groups/*/devices/$1; do
				put 1 ${device%/devices/*}/claim || true
				put 0 ${device%/devices/*}/claim || true
			done
		}
		look()
		{
			cat $groups/*/* $groups/*/devices/0002*/* >/dev/null 2>&1 || true
			lspci -O sysfs.path=$usb >/dev/null 2>&1 || true
		}
		again flip 0000:01:00.0 &
		again flip 0002:02:01.7 &
		again flip 0002:02:01.0 &
		again look &
		for round in $(seq '"${ROUNDS:-15}"'); do
			echo "-- round $round"
			for address in 0000:01:00.0 0002:02:01.1 0002:02:01.7; do
				if [ -e $pci/$address ]; then unplug $address; fi
			done
			rescan
			usleep $((round * 50000))
			if [ $((round % 3)) = 0 ]; then
				for address in 0002:02:01.0 0002:02:01.1 0002:02:01.7; do
					unplug $address
				done
				rescan
			fi
			if rmmod devgroups 2>/dev/null; then modprobe devgroups; fi
		done
		touch /tmp/stop
		wait
		within 10 listed 0000:01:00.0
		within 10 listed 0002:02:01.0
		within 10 listed 0002:02:01.7
		# The disk has an endpoint to itself, which is new each time.
		if dmesg | grep -e "no PE assigned" -e "0000:01:00.0: Added to existing PE"; then
			fail "endpoints were taken away at the wrong time"
		fi
		for group in $(group_of 0000:01:00.0) $(group_of 0002:02:01.0); do
			if [ "$(cat $group/state)" = claimed ]; then release $group; fi
			is free $group
			claim $group
			release $group
		done
		within 20 as_before
		rmmod devgroups'
}

make_mapper
if [ $# = 0 ]; then
	set -- unplug_claimed races
fi
for part in "$@"; do
	"$part"
done
