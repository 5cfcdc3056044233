#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Errors that the host finds by AER, on amd64 with a virtio card (no other device of QEMU reports any): a group that is in use is frozen, whether its device
# still answers or its link has to be reset, and works again once its user is done with it. One that is
# claimed and not in use stays as it is.

. "$(dirname "$0")/lib/devgroups.sh"

# The device of that name has the errors that the host's script asks for: a line "inject NAME", with
# QEMU's names of errors (pcie_aer_inject_error).
inject_errors()
{
	local done=0 asked

	while sleep 0.2; do
		asked=$(grep -a -c "^inject " "$out" || true)
		if [ "$asked" -gt "$done" ]; then
			grep -a "^inject " "$out" | tail -n 1 | sed "s/^inject/pcie_aer_inject_error $1/" >&3
			done=$asked
		fi
	done
}

architecture=amd64
mkfifo "$work/monitor.in" "$work/monitor.out"
exec 3<>"$work/monitor.in"
# Linux waits for a faster link to come up, which no port of QEMU says that it has.
host_qemu -global pcie-root-port.x-speed=5
host_qemu -chardev "pipe,id=monitor,path=$work/monitor" -mon chardev=monitor,mode=readline
add_card c0 virtio-net-pci,id=card,aer=on,disable-legacy=on pcie.1
: >"$out"
inject_errors card &
injecting=$!
trap 'kill $injecting; rm -rf "$work"' EXIT

run_devgroups --timeout 300 '
modprobe virtio_net
modprobe devgroups
card=$(group_of 0000:02:00.0)
recovered() { [ "$(dmesg | grep -c "device recovery successful")" = "$1" ]; }
error_state() { [ "$(head -n 1 $card/error_state)" = "$1" ]; }

claim $card
echo "-- in use, the device still answers"
exec 3<>/dev/devgroup/${card##*/}
is in-use $card
error_state normal || fail "$(cat $card/error_state)"
echo "inject COMP_TIME"
within 30 recovered 1
is frozen $card
error_state "frozen bus" || fail "$(cat $card/error_state)"
echo "mmio dma" >$card/freeze
is in-use $card
exec 3>&-
is claimed $card

echo "-- in use, the link is reset"
exec 3<>/dev/devgroup/${card##*/}
echo "inject DLP"
within 30 recovered 2
is frozen $card
exec 3>&-
is claimed $card

echo "-- not in use"
echo "inject DLP"
within 30 recovered 3
is claimed $card
release $card
holds virtio-pci 0000:02:00.0
net_up
within 20 card_works
dmesg | grep -i -e AER: -e devgroups
rmmod devgroups'
