#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Guests without any device: CPUs, console, clock, NVRAM, unknown MMIO, and a
# device tree in which dtc finds nothing wrong.

. "$(dirname "$0")/lib/guests.sh"

one_cpu='
# What the host has at the start, the guest has a few seconds later.
now=$(date +%s)
boot 0 "date +clock=%s; devmem 0x1000000000000 32; devmem 0x200000001000 64; devmem 0x30000a000000 64" --dump-dtb /lab/tree.dtb \
	--nvram /tmp/nvram
# The last is the page of an interrupt source that there is not.
[ "$(grep -c 0xFFFFFFFFFFFFFFFF "$log")" = 2 ] || fail "unknown MMIO"
said 0xFFFFFFFF "pvmm-guest: up"
clock=$(tr -d "\r" <"$log" | sed -n "s/^clock=//p")
[ "$clock" -ge "$now" ] && [ "$clock" -le $((now + 60)) ] ||
	fail "the guest has $clock for $now"'

# Not in the first partition head, which the kernel reads.
nvram='
boot 0 "printf kept | dd of=/dev/nvram bs=1 seek=40000" --nvram /tmp/nvram
boot 0 "echo nvram=\$(dd if=/dev/nvram bs=1 skip=40000 count=4)" --nvram /tmp/nvram
said nvram=kept
[ "$(stat -c %s /tmp/nvram)" = 65536 ] || fail "the NVRAM file has another size"
boot 0 "echo nvram=\$(dd if=/dev/nvram bs=1 skip=40000 count=4)"
said nvram=
not_said nvram=kept'

console='
mkfifo /tmp/input
input=/tmp/input
launch "echo ready; read line; echo got \$line; read line; echo got \$line"
exec 3>/tmp/input
wait_for ready
echo "the first line" >&3
wait_for "got the first line"
# More than the console takes at once.
seq 1 200 | tr "\n" " " >&3
echo >&3
exec 3>&-
ended 0
said "got 1 2 3 4" "197 198 199 200"
input=/dev/null
boot 0 "seq 1 3000; echo last" --console file:/tmp/console
cat /tmp/console | tr -d "\r" | grep -x "[0-9]*" >/tmp/lines
seq 1 3000 | cmp - /tmp/lines || fail "the console lost something"
grep -q last /tmp/console || fail "no output in the file"
boot 0 "echo unheard" --console none
not_said unheard'

cpus='
cpu=/sys/devices/system/cpu
boot 0 "set -e; nproc; cd $cpu
	for n in 3 2 1; do echo 0 >cpu\$n/online; done; echo online: \$(cat online); nproc
	for n in 1 2 3; do echo 1 >cpu\$n/online; taskset \$((1 << n)) echo \$n is back; done
	for n in 1 1 1; do echo 0 >cpu2/online; echo 1 >cpu2/online; done
	echo online: \$(cat online)" --cpus 4
said "online: 0" "online: 0-3" "1 is back" "2 is back" "3 is back"
boot 0 "echo cpus=\$(nproc); for n in \$(seq 0 7); do
	taskset \$(printf %x \$((1 << n))) sha256sum /bin/busybox & done; wait
	cat /proc/interrupts" --cpus 8 --memory 1G
said cpus=8
said_times 8 "$(sha256sum </bin/busybox | cut -c1-64)"'

check_tree()
{
	dtc -I dtb -O dts -o "$work/tree.dts" "$1" 2>"$work/dtc.log" || fail "$(cat "$work/dtc.log")"
	if grep -v '(interrupt_provider)' "$work/dtc.log"; then
		fail "dtc warns about $1"
	fi
}

run_guests --timeout 900 --copy-out tree.dtb "$one_cpu
$nvram
$console
$cpus"
check_tree "$work/tree.dtb"
