#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# I/O BARs, of which a guest sees some where the host has I/O space, as an LPAR does: an EHCI with
# a UHCI companion that has a mouse, and a UHCI of its own with a stick, both driven through ports
# in one page of the host's.  The group driver has that page mapped, so that reading from the stick
# takes no call of pvmm's; with VFIO every access to a port is one.  After a reboot the stick is read
# while the companion is switched off and on, whose mapping of the page the stick's ports may be in.
#
# usage: io-ports.sh [PAGE_SIZE]

. "$(dirname "$0")/lib/guests.sh"

page_size=${1:-64k}
use_machine pseries
pattern_file "$work/slow.raw" 1
pattern_file "$work/stick.raw" 2
host_qemu -device "spapr-pci-host-bridge,index=1,id=phb1" \
	-device "ich9-usb-ehci1,bus=phb1.0,addr=2.7,multifunction=on,id=ehci" \
	-device "ich9-usb-uhci1,bus=phb1.0,addr=2.0,multifunction=on,masterbus=ehci.0,firstport=0" \
	-device "ich9-usb-uhci2,bus=phb1.0,addr=2.1,multifunction=on,id=uhci" \
	-drive "if=none,id=stick,file=$work/stick.raw,format=raw" \
	-drive "if=none,id=slow,file=$work/slow.raw,format=raw" \
	-device "usb-mouse,bus=ehci.0,port=1,usb_version=1" \
	-device "usb-storage,bus=ehci.0,port=3,drive=stick" \
	-device "usb-storage,bus=uhci.0,drive=slow"

case $backend in
devgroups)	way=mapped mappings=2 expected='-le 32' ;;
vfio)		way=trapped mappings=0 expected='-ge 200' ;;
esac

cat >"$work/io-guest" <<'END_OF_GUEST'
flag="dd if=/dev/nvram bs=1 skip=40000 count=1"
modprobe -a usb-storage sd_mod
lab-disk /dev/sda /dev/sdb
slow=sda
[ "$(cat /sys/block/sda/size)" = 2048 ] || slow=sdb
read_slow() { dd if=/dev/$slow bs=64k iflag=direct 2>/dev/null | sha256sum; }
command() { printf "$1" | dd of=$companion/config bs=1 seek=4 2>/dev/null; }
if [ "$($flag 2>/dev/null)" != 1 ]; then
	echo begin
	sleep 3
	read_slow
	echo end
	sleep 3
	dmesg | grep -e "USB device .* using"
	cat /proc/ioports /proc/interrupts
	sha256sum /dev/sd?
	printf 1 | dd of=/dev/nvram bs=1 seek=40000 2>/dev/null
	reboot -f
fi
echo second boot
companion=/sys/bus/pci/devices/0000:00:02.0
echo 0000:00:02.0 >$companion/driver/unbind
while [ ! -e /tmp/done ]; do
	command '\0'
	command '\1'
	echo toggled >>/tmp/toggled
done &
read_slow
touch /tmp/done
wait
echo "toggled $(wc -l </tmp/toggled) times"
END_OF_GUEST

# The calls of pvmm that reach a device are counted while the guest reads the stick behind UHCI.
run_guests --timeout 900 --copy-in "$work/io-guest" '
calls=/sys/kernel/tracing/events/syscalls
count() { cat /sys/kernel/tracing/per_cpu/*/stats | awk "/^(entries|overrun)/ { n += \$2 } END { print n }"; }
mount -t tracefs tracefs /sys/kernel/tracing
echo 1 >$calls/sys_enter_pread64/enable
echo 1 >$calls/sys_enter_pwrite64/enable
enrich /lab/io-guest
launch "sh /bin/io-guest" --group 0001:00:02.0 --cpus 2 --verbose
wait_for begin
usleep 1500000
before=$(count)
maps=$(grep -c " 40000000000 .*device" /proc/$pvmm/maps) || true
wait_for end
usleep 1500000
during=$(($(count) - before))
ended 0
echo "calls that reach a device, of 1 MiB read through UHCI: $during"
[ "$during" '"$expected"' ] || fail "not '"$expected"'"
[ "$maps" = '"$mappings"' ] || fail "$maps mappings of I/O"
said_times 4 "I/O: '"$way"'"
[ "$(grep -a "full-speed USB device .* uhci_hcd" "$log" | grep -o "usb .-." | sort -u | wc -l)" = 2 ] ||
	fail "not two devices behind UHCI"
grep -a -q "high-speed USB device .* ehci-pci" "$log" || fail "no device behind EHCI"
said_times 3 "'"$(sum_of "$work/slow.raw")"'"
said "'"$(sum_of "$work/stick.raw")"'" "second boot" "toggled "
counted uhci_hcd
not_said "nobody cared" "host system error" "HC died" "host controller process error"'
