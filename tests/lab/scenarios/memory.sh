#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What --memory says beyond a size: huge pages (of a hash host, and of a radix host), a file, a
# NUMA node; that a guest's idle memory can be swapped out while it uses its disk; and what is
# locked when the host is short of memory. Arguments select parts.

. "$(dirname "$0")/lib/guests.sh"

in_host='
pool() { sed -n "s/^HugePages_$1: *//p" /proc/meminfo; }

# refused TEXT MEMORY [PVMM_OPTION]...
refused()
{
	text=$1 memory=$2
	shift 2
	boot 1 true --memory "$memory" "$@"
	said "$text"
	not_said "pvmm-guest: up"
}

# Swap in memory, and cgroups with limits for it.
limit_memory()
{
	modprobe zram
	echo 1G >/sys/block/zram0/disksize
	mkswap /dev/zram0 >/dev/null
	swapon /dev/zram0
	mkdir -p /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir /sys/fs/cgroup/guest
}

# Too few pages are refused with the command that gets more, which is run; then the guest has
# them, before and after a reboot.
on_huge_pages()
{
	size=$1 address=$2
	pages=$((64 / ${size%M}))
	enrich /lab/lab-hugetlb
	[ "$(pool Total)" = 0 ] || fail "there are huge pages"
	refused "and 0 are free; reserve more: echo " "512M,hugepages=$size" --group "$address" $claim
	holds none "$address"
	eval "$(sed -n "s/.*reserve more: //p" "$log" | tr -d "\r")"
	cat /proc/meminfo | grep Huge
	flag="dd if=/dev/nvram bs=1 skip=40000 count=1"
	launch "lab-disk /dev/nvme0n1; sha256sum /dev/nvme0n1; grep Hugepagesize /proc/meminfo
		echo $pages >/proc/sys/vm/nr_hugepages; lab-hugetlb 64
		if [ x\$($flag) = x1 ]; then echo second boot; else printf 1 | dd of=/dev/nvram bs=1 seek=40000; reboot -f; fi" \
		--memory "512M,hugepages=$size" --group "$address" $claim --verbose --cpus 2
	wait_for "pvmm-guest: up"
	[ "$(pool Free)" = 0 ] || fail "$(pool Free) huge pages are free"
	(log=/tmp/other.log; refused "and 0 are free" "256M,hugepages=$size")
	ended 0
	said_times 2 "$sum"
	said "second boot"
	said_times 2 "lab-hugetlb: 64 MB, 0 words are wrong"
	[ "$(pool Free)" = "$(pool Total)" ] || fail "$(pool Free) huge pages are free"
}
'

run_memory()
{
	local last=$#

	run_guests --timeout 900 "${@:1:last-1}" "$in_host
		${!last}"
}

hash()
{
	new_host
	use_machine powernv9
	add_nvme n0 pcie.0 16
	build_for_guest lab-hugetlb
	run_memory --copy-in "$work/lab-hugetlb" --append disable_radix "sum=$(sum_of "$work/n0.raw")"'
		on_huge_pages 16M $slot0
		said "MMU: hash"
		said_times 2 "Hugepagesize:      16384 kB"'
}

radix()
{
	new_host
	use_machine pseries
	add_nvme n0 pcie.0 16
	build_for_guest lab-hugetlb
	run_memory --copy-in "$work/lab-hugetlb" "sum=$(sum_of "$work/n0.raw")"'
		refused "this host has no such pages; it has " 512M,hugepages=16M
		on_huge_pages 2M $slot0'
}

# What is in the file is the guest's memory, of one guest at a time, and only of the last one.
file()
{
	new_host
	use_machine powernv9
	add_nvme n0 pcie.0 16
	run_memory "sum=$(sum_of "$work/n0.raw")"'
		mkdir -p /dev/shm
		mount -t tmpfs tmpfs /dev/shm
		refused "these have: 0" 256M,node=7
		refused "take one on tmpfs" 256M,file=/root/guest --group $slot0 $claim
		[ ! -e /root/guest ] || fail "a file was left"
		launch "lab-disk /dev/nvme0n1; sha256sum /dev/nvme0n1
			echo lab-mark-\$((6 * 7)) >/tmp/mark; echo marked; sleep 5" \
			--memory 256M,file=/dev/shm/guest,node=0 --group $slot0 $claim
		wait_for marked
		grep -q bind:0 "/proc/$pvmm/numa_maps" || fail "it takes memory of any node"
		(log=/tmp/other.log; refused "another guest uses it" 256M,file=/dev/shm/guest)
		ended 0
		said "$sum"
		grep -a -q lab-mark-42 /dev/shm/guest || fail "the file has nothing of the guest"
		refused "it has 256M, not 512M; remove it" 512M,file=/dev/shm/guest
		boot 0 true --memory 256M,file=/dev/shm/guest
		! grep -a -q lab-mark-42 /dev/shm/guest || fail "the file was not cleared"
		boot 0 "echo all is well" --memory 256M,file=/root/guest
		said "all is well"
		[ "$(stat -c %s /root/guest)" = 268435456 ] || fail "$(ls -l /root/guest)"'
}

# The guest writes a pattern, and then only reads its disk, past its cache: what it does not touch is
# swapped out, what its disk writes to stays, and the pattern comes back.
swap()
{
	new_host
	use_machine powernv9
	add_nvme n0 pcie.0 16
	run_memory "sum=$(sum_of "$work/n0.raw")"'
		limit_memory
		swapped() { awk "/^Swap:/ { sum += \$2 } END { print sum }" "/proc/$pvmm/smaps"; }
		pinned() { echo $(($(pins) * 64)); }
		show()
		{
			echo "-- $1: swapped out $(swapped) kB, pinned $(pinned) kB, host: $(grep -e SwapFree /proc/meminfo)"
			grep -e VmRSS -e VmLck -e VmPin -e VmSwap "/proc/$pvmm/status"
		}
		mkfifo /tmp/input
		exec 3<>/tmp/input
		input=/tmp/input
		launch "lab-disk /dev/nvme0n1; dd if=/dev/urandom of=/tmp/pattern bs=1M count=96 2>/dev/null
			sha256sum </tmp/pattern >/tmp/sum
			(read go; touch /tmp/go) </dev/hvc0 &
			until [ -e /tmp/go ]; do dd if=/dev/nvme0n1 bs=256k iflag=direct 2>/dev/null | sha256sum; done
			sha256sum </tmp/pattern | cmp - /tmp/sum && echo the pattern is intact" \
			--group $slot0 $claim --memory 512M
		echo "$pvmm" >/sys/fs/cgroup/guest/cgroup.procs
		wait_for "$sum"
		show "before"
		rounds=$(grep -a -c "$sum" "$log")
		for try in $(seq 10); do
			echo 64M >/sys/fs/cgroup/guest/memory.reclaim || true
			[ "$(swapped)" -lt 65536 ] || break
		done
		show "reclaimed"
		out=$(swapped)
		[ "$out" -ge 65536 ] || fail "only $out kB are swapped out"
		[ "$(($(grep -e SwapTotal /proc/meminfo | tr -dc 0-9) - $(grep -e SwapFree /proc/meminfo | tr -dc 0-9)))" -ge 65536 ] ||
			fail "the host swaps nothing"
		[ "$(pinned)" -gt 0 ] || fail "nothing is pinned"
		[ "$(pinned)" -lt 262144 ] || fail "half of the guest is pinned"
		until [ "$(grep -a -c "$sum" "$log")" -ge $((rounds + 3)) ]; do
			kill -0 "$pvmm" && usleep 100000
		done
		show "after three reads"
		[ "$(swapped)" -ge 32768 ] || fail "it came back by itself"
		echo go >&3
		wait_for "the pattern is intact"
		show "touched" || true
		ended 0
		[ "$(grep -a -c "  -" "$log")" = "$(grep -a -c "$sum" "$log")" ] || fail "wrong data"
		swapoff /dev/zram0'
}

# Another program of the host has to wait for memory, since it writes more than it may have: what the
# guest's disk cannot reach now is unlocked, and locked again when it is needed. pvmm's own cgroup,
# in which nobody waits, may go meanwhile.
pressure()
{
	new_host
	use_machine powernv9
	add_nvme n0 pcie.0 64
	run_memory "sum=$(sum_of "$work/n0.raw")"'
		limit_memory
		mkdir /sys/fs/cgroup/other
		echo 32M >/sys/fs/cgroup/other/memory.high
		# What the main thread has computed, in hundredths of a second.
		spent() { awk "{ print \$14 + \$15 }" "/proc/$pvmm/task/$pvmm/stat"; }
		# Zeroes take no room in zram, but time.
		write_much()
		{
			sh -c "echo \$\$ >/sys/fs/cgroup/other/cgroup.procs
				exec dd if=/dev/zero of=/dev/shm/much bs=1M count=256" 2>/dev/null
		}
		echo "$$" >/sys/fs/cgroup/guest/cgroup.procs
		launch "lab-disk /dev/nvme0n1; sha256sum /dev/nvme0n1; sleep 120
			dd if=/dev/nvme0n1 bs=64k iflag=direct 2>/dev/null | sha256sum" \
			--group $slot0 $claim --verbose
		echo "$$" >/sys/fs/cgroup/cgroup.procs
		wait_for "$sum"
		said "the host is watched: /proc/pressure/memory" \
			"cgroup is watched: /sys/fs/cgroup/guest/memory.pressure"
		not_said "the host is short of memory"
		before=$(locked)
		for round in $(seq 20); do
			grep -a -q "the host is short of memory" "$log" || write_much
		done
		cat /proc/pressure/memory /sys/fs/cgroup/other/memory.pressure
		wait_for "the host is short of memory"
		after=$(locked)
		echo "locked: $before KiB, then $after KiB"
		[ "$after" -le "$((before - 32768))" ] || fail "hardly anything is given back"
		for process in $(cat /sys/fs/cgroup/guest/cgroup.procs); do
			echo "$process" >/sys/fs/cgroup/cgroup.procs
		done
		rmdir /sys/fs/cgroup/guest
		wait_for "cgroup is not watched any more"
		before=$(spent)
		sleep 2
		after=$(spent)
		[ "$((after - before))" -lt 50 ] || fail "pvmm is busy with nothing"
		ended 0
		said_times 2 "$sum"
		said_times 1 "not watched any more"
		rm /dev/shm/much
		swapoff /dev/zram0'
}

for part in "${@:-file}"; do
	"$part"
done
