# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Parts that the lab's file trees are put together from: busybox with its
# links, and kernel modules with all that they depend on.

# Every applet name that busybox binary $1 knows.  It is not for this machine's
# CPU, so read its table instead of running it.
busybox_applets()
{
	python3 - "$1" <<-'END'
	import sys
	data = open(sys.argv[1], "rb").read()
	start = data.index(b"[\0[[\0")
	end = data.index(b"\0\0", start)
	print(data[start:end].replace(b"\0", b"\n").decode())
	END
}

# install_busybox DIR TOOLS: TOOLS is a folder with the package's files.
install_busybox()
{
	local dir=$1 busybox=$2/bin/busybox applet

	mkdir -p "$dir/bin"
	cp "$busybox" "$dir/bin/busybox"
	for applet in $(busybox_applets "$busybox"); do
		[ "$applet" = busybox ] || ln -sf busybox "$dir/bin/$applet"
	done
}

# module_closure KERNEL PATTERN... prints the modules whose path matches one of
# the patterns (extended regular expressions) and what these need, in an order
# in which they can be loaded.
module_closure()
{
	local kernel=$1 patterns
	shift

	patterns=$(printf '%s|' "$@")
	awk -v patterns="${patterns%|}" '
		$1 ~ patterns {
			for (i = NF; i > 1; i--)
				if (!seen[$i]++)
					print $i
			sub(":", "", $1)
			if (!seen[$1]++)
				print $1
		}' "$kernel/modules/modules.dep"
}

# install_modules KERNEL DIR PATTERN... installs the closure, uncompressed, so
# that modprobe works below DIR.
install_modules()
{
	local kernel=$1 dir=$2 version module target
	shift 2

	version=$(readlink "$kernel/modules")
	target=$dir/$version
	mkdir -p "$target"
	cp "$kernel/modules"/modules.{order,builtin,builtin.modinfo} "$target"
	while read -r module; do
		mkdir -p "$target/$(dirname "$module")"
		case $module in
		*.xz)	xz -dc "$kernel/modules/$module" >"$target/${module%.xz}" ;;
		*)	cp "$kernel/modules/$module" "$target/$module" ;;
		esac
	done < <(module_closure "$kernel" "$@")
	sed -i 's/\.xz$//' "$target/modules.order"
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$dir" "$(basename "$version")"
}

# list_modules_with DIR TREE MODULE makes the same modules as in TREE, by hard links, and
# MODULE below DIR, with depmod's lists of them.
list_modules_with()
{
	local dir=$1 version

	version=$(basename "$2"/lib/modules/*)
	mkdir -p "$dir/lib/modules/$version/updates"
	cp -al "$2/lib/modules/$version/kernel" "$dir/lib/modules/$version/"
	cp "$2/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "$dir/lib/modules/$version/"
	cp "$3" "$dir/lib/modules/$version/updates/"
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$dir" "$version"
}

# make_cpio DIR FILE packs DIR as an uncompressed initramfs: an emulated machine
# copies faster than it decompresses.
make_cpio()
{
	(cd "$1" && find . -mindepth 1 ! -name .key | LC_ALL=C sort |
		cpio --quiet -o -H newc --owner=0:0 --reproducible) >"$2"
}
