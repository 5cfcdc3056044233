# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Runs in an emulated host, sourced by the scripts of scenarios: starts pvmm,
# waits for what its guest says, and checks how it ended.  A check that does not
# hold ends the script with the reason.

# What the next guest is: its kernel and initrd, more of its command line, the
# file that is its console's input, and more options of pvmm.
guest=6.12-64k initrd=initrd append='quiet' input=/dev/null options=''
# What the last one said, and pvmm's own messages with it.
log=/tmp/guest.log
# How many times as long things may take: debug hosts are slow.
patience=1
[ ! -e /proc/lockdep_stats ] || patience=4

# take_groups_by BACKEND: vfio or devgroups. $taker is the driver that devices are
# bound to while a guest has them, $claim the option to take them from another, and
# $tree where the groups are.
# shellcheck disable=SC2034
take_groups_by()
{
	case $1 in
	vfio)		taker=vfio-pci claim=--claim tree=/sys/kernel/iommu_groups ;;
	devgroups)	taker=devgroups claim='' tree=/sys/devgroups ;;
	esac
}

# What an administrator loads once.
load_modules()
{
	case $taker in
	vfio-pci)	lab-modules ;;
	devgroups)	modprobe -a kvm-hv devgroups ;;
	esac
}

# folder_of ADDRESS prints what --group is given for a device.
folder_of()
{
	echo "$tree/$(basename "$(lab-group "$1")")"
}

# enrich FILE... puts files into the bin folder of the next guests.
# shellcheck disable=SC2034
enrich()
{
	mkdir -p /tmp/more/bin
	cp "$@" /tmp/more/bin
	(cd /tmp/more && find . | cpio -o -H newc 2>/dev/null | gzip) >/tmp/more.cpio.gz
	cat "/guest/initrd-$guest" /tmp/more.cpio.gz >"/guest/more-$guest"
	initrd=more
}

fail()
{
	echo "FAIL: $*"
	exit 1
}

# within SECONDS COMMAND... waits until COMMAND succeeds, in debug hosts four times as long.
within()
{
	seconds=$1
	shift
	ticks=0
	until ("$@") >/dev/null 2>&1; do
		[ "$ticks" -lt $((seconds * 10 * patience)) ] || fail "not within $seconds s: $*"
		usleep 100000
		ticks=$((ticks + 1))
	done
}

# launch COMMAND [PVMM_OPTION]... starts a guest that runs COMMAND.
launch()
{
	command=$1
	shift
	echo "-- guest $guest, pvmm $*: $command"
	# shellcheck disable=SC2086
	pvmm $options --kernel "/guest/vmlinux-$guest" --initrd "/guest/$initrd-$guest" --timeout 600 \
		--append "console=hvc0 $append pvmm.run=\"$command\"" "$@" <"$input" >"$log" 2>&1 &
	pvmm=$!
}

# ended STATUS waits for pvmm and shows what was said.
ended()
{
	status=0
	wait "$pvmm" || status=$?
	cat "$log"
	[ "$status" = "$1" ] || fail "pvmm ended with status $status, not $1"
}

# boot STATUS COMMAND [PVMM_OPTION]... runs a guest to its end.
boot()
{
	wanted=$1
	shift
	launch "$@"
	ended "$wanted"
}

# wait_for TEXT waits until the guest, or pvmm, has said it.
wait_for()
{
	ticks=0
	until grep -a -q -F -e "$1" "$log"; do
		if ! kill -0 "$pvmm" 2>/dev/null || [ "$ticks" -gt 1200 ]; then
			cat "$log"
			fail "no '$1' came from the guest"
		fi
		usleep 100000
		ticks=$((ticks + 1))
	done
}

# Each argument must be in what the last guest said.
said()
{
	for text in "$@"; do
		grep -a -q -F -e "$text" "$log" || fail "no '$text' came from the guest"
	done
}

not_said()
{
	for text in "$@"; do
		! grep -a -q -F -e "$text" "$log" || fail "'$text' came from the guest"
	done
}

# said_times N TEXT: in so many lines.
said_times()
{
	count=$(grep -a -c -F -e "$2" "$log") || true
	[ "$count" = "$1" ] || fail "'$2' came $count times, not $1 times"
}

# counted TEXT: the line of /proc/interrupts with TEXT shows that some came.
counted()
{
	tr -d '\r' <"$log" | awk -v name="$1" '
		index($0, name) && $1 ~ /^[0-9]+:$/ {
			for (i = 2; $i ~ /^[0-9]+$/; i++)
				total += $i
		}
		END { exit !total }' || fail "no interrupt of $1 was counted"
}

# driver_of ADDRESS prints the driver that holds a device, or "none".
driver_of()
{
	if [ -e "/sys/bus/pci/devices/$1/driver" ]; then
		basename "$(readlink "/sys/bus/pci/devices/$1/driver")"
	else
		echo none
	fi
}

# holds DRIVER ADDRESS...
holds()
{
	driver=$1
	shift
	for address in "$@"; do
		is=$(driver_of "$address")
		[ "$is" = "$driver" ] || fail "$address is held by $is, not $driver"
	done
}

# locked prints how much memory pvmm has locked, in KiB.
locked()
{
	sed -n "s/^VmLck:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$pvmm/status"
}

# vmstat NAME prints one of the host's counters.
vmstat()
{
	sed -n "s/^$1 //p" /proc/vmstat
}

# pins prints how many pages are pinned now, and pinned_as N: so many.
pins()
{
	echo $(($(vmstat nr_foll_pin_acquired) - $(vmstat nr_foll_pin_released)))
}

pinned_as()
{
	[ "$(pins)" = "$1" ]
}

# Who has which device, and what pvmm remembers of it: all that a refused run
# must leave alone.
host_state()
{
	for folder in /sys/bus/pci/devices/*; do
		echo "${folder##*/} $(driver_of "${folder##*/}") $(cat "$folder/driver_override")"
	done
	# A node made anew, as when a driver was gone for a moment, has another number.
	stat -c "%n %i %a %u" /dev/nvme* /dev/vfio/* 2>/dev/null || true
	ls /run/pvmm/claims 2>/dev/null || true
}
