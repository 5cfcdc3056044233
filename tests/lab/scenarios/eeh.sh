#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Guests that recover their groups by EEH: a disk that the host's administrator freezes
# five times, and a sixth; the same by errors that the guest injects; drills in the guest; the
# platform's own EEH by VFIO. Arguments select parts. Those that begin in the guest are by the
# backend of BACKEND, if there is one in the environment.

. "$(dirname "$0")/lib/guests.sh"

# What all parts have in their hosts.
in_host='
drill=/sys/kernel/debug/powerpc

# recovered N: so many recoveries have been successful since the guest booted.
recovered()
{
	[ "$(grep -a -c "EEH: Recovery successful" "$log")" = "$1" ]
}

wait_recovered()
{
	ticks=0
	until recovered "$1"; do
		if ! kill -0 "$pvmm" 2>/dev/null || [ "$ticks" -gt 900 ]; then
			cat "$log"
			fail "no recovery number $1"
		fi
		usleep 100000
		ticks=$((ticks + 1))
	done
}
'

# One CPU: QEMU before 8.1 crashes when one CPU stores to a device while another switches a
# device's decoding.
run_eeh()
{
	local last=$#

	run_guests --cpus 1 --timeout 900 --copy-in "$work/lab-errinjct" \
		--copy-in "$scenario_lib/devgroups-in-host.sh" "${@:1:last-1}" \
		". /lab/devgroups-in-host.sh
		$in_host
		${!last}"
}

# fail_under_load BY: each time by the host or by the guest. The card sends and gets all the
# time, in a loop of its own; its driver hears nothing of the disk's errors.
fail_under_load()
{
	new_host
	add_nvme n0 pcie.0 16
	add_card e0 e1000e pcie.1 ",guestfwd=tcp:10.0.2.100:7-cmd:cat"
	run_eeh '
		modprobe -a nvme e1000e
		lab-disk /dev/nvme0n1
		by='$1'
		freeze_by_host()
		{
			[ $by = guest ] || echo 1 >$(group_of $slot0)/freeze
		}
		cat >/tmp/traffic <<-"END"
			#!/bin/sh
			ip link set eth0 up; udhcpc -q -n -i eth0
			dd if=/dev/urandom of=/tmp/part bs=64k count=4 2>/dev/null
			while [ ! -e /tmp/enough ]; do
				nc 10.0.2.100 7 </tmp/part | head -c 262144 | cmp - /tmp/part ||
					{ echo the card lost data; exit; }
				echo good >>/tmp/traffic
			done
		END
		cat >/tmp/reads <<-"END"
			#!/bin/sh
			until [ -e /tmp/enough ]; do
				dd if=/dev/nvme0n1 bs=64k iflag=direct 2>/tmp/error >/tmp/data || break
				sha256sum </tmp/data >>/tmp/sums
				rounds=$(wc -l </tmp/sums)
				echo round $rounds
				[ $1$((rounds % 2)) != guest0 ] || lab-errinjct ioa-bus-error-64 800000020000000 0
			done
			cat /tmp/error
			echo sums: $(sort -u /tmp/sums)
		END
		chmod +x /tmp/traffic /tmp/reads
		enrich /tmp/traffic /tmp/reads /lab/lab-errinjct
		append="nvme_core.io_timeout=3 nvme_core.admin_timeout=3 loglevel=7"
		launch "traffic & lab-disk /dev/nvme0n1; reads $by; touch /tmp/enough; wait
			ls /dev/nvme* /sys/class/nvme; wc -l /tmp/traffic
			nc 10.0.2.100 7 </tmp/part | head -c 262144 | cmp - /tmp/part && echo the card works
			grep . /proc/powerpc/eeh" --group $slot0 --group $slot1 $claim \
			--timeout 600 --cpus 2
		for n in 1 2 3 4 5; do
			wait_for "round $((n * 2))"
			echo "-- freeze $n"
			freeze_by_host
			wait_recovered $n
			[ $by = guest ] || grep -q "^normal" $(group_of $slot0)/error_state ||
				fail "$(cat $(group_of $slot0)/error_state)"
		done
		wait_for "round 12"
		echo "-- one freeze too many"
		freeze_by_host
		ended 0
		recovered 5 || fail "not five recoveries"
		said "sums: '"$(sum_of "$work/n0.raw")"' -" "has failed 6 times in the last hour" \
			"the guest has given it up" "the card works" "eeh_slot_resets=6"
		not_said "the card lost data" "Invoking e1000e" "NETDEV WATCHDOG"
		holds nvme $slot0
		lab-disk /dev/nvme0n1'
}

freezes()
{
	backend=devgroups
	fail_under_load host
}

injections()
{
	backend=${BACKEND:-devgroups}
	fail_under_load guest
}

# What an administrator of a Debian guest has for it: debugfs, and the calls for error
# injection. By VFIO in an LPAR, where the host has no EEH, pvmm isolates the disk.
drills()
{
	backend=${BACKEND:-devgroups}
	new_host
	add_nvme n0 pcie.0 16
	run_eeh '
		modprobe -a nvme
		lab-disk /dev/nvme0n1
		enrich /lab/lab-errinjct
		append="loglevel=7 nvme_core.io_timeout=3"
		launch "mount -t debugfs debugfs /sys/kernel/debug; lab-disk /dev/nvme0n1
			look() { cat /sys/bus/pci/devices/\$1/config >/dev/null; }
			echo 0000:00:00.0 >'"\$drill"'/eeh_dev_break; look 0000:00:00.0
			sha256sum /dev/nvme0n1; echo phase 1
			lab-errinjct ioa-bus-error-64 800000020000000 0; sleep 1; look 0000:00:00.0
			sha256sum /dev/nvme0n1; echo phase 2
			lab-errinjct ioa-bus-error 800000020000000 7; look 0000:00:00.0
			sha256sum /dev/nvme0n1; echo phase 3
			lab-errinjct ioa-bus-error 800000020000009 7; lab-errinjct ioa-bus-error 800000020000000 21
			true" --group $slot0 $claim --timeout 400
		ended 0
		said_times 3 "'"$(sum_of "$work/n0.raw")"'"
		said "the guest read where no device answers" \
			"ioa-bus-error-64 0: open 0, inject 0, close 0" \
			"ioa-bus-error 7: open 0, inject -3, close 0" \
			"ioa-bus-error 21: open 0, inject -3, close 0"
		recovered 3 || fail "not three recoveries"
		holds nvme $slot0
		lab-disk /dev/nvme0n1'
}

# Functions that are reset together, have a line and no messages, and drivers without
# handlers: Linux removes them and looks for them again.
combo()
{
	backend=devgroups
	new_host
	add_usb_combo pcie.2
	run_eeh '
		usb=$(group_of 0002:02:01.0)
		enrich /lab/lab-errinjct
		append="loglevel=7"
		launch "modprobe -a usb-storage sd_mod; lab-disk /dev/sda
			lab-errinjct ioa-bus-error 800000020000000 0
			cat /sys/bus/pci/devices/0000:00:01.7/config >/dev/null; sleep 12
			lab-disk /dev/sda; sha256sum /dev/sda" --group $usb
		ended 0
		said "'"$(sum_of "$work/stick.raw")"'" "Reset with hotplug activity" "open 0, inject 0"
		recovered 1 || fail "no recovery"
		is free $usb'
}

# The emulated hardware injects no errors, but has the state of a PE, and resets it.
platform()
{
	backend=vfio
	new_host
	add_nvme n0 pcie.0 16
	run_eeh '
		append="loglevel=7"
		launch "mount -t debugfs debugfs /sys/kernel/debug; lab-disk /dev/nvme0n1
			sha256sum /dev/nvme0n1; echo 0:1 >'"\$drill"'/eeh_force_recover; sleep 8
			sha256sum /dev/nvme0n1" --group $slot0 --claim
		ended 0
		recovered 1 || fail "no recovery"
		said_times 2 "'"$(sum_of "$work/n0.raw")"'"
		said "the guest has reset it after an error"'
}

build_for_guest lab-errinjct
for part in "${@:-freezes}"; do
	"$part"
done
