// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * resets NUMBER: opens a group, prints "held", and resets it over and over until there is the file
 * /tmp/stop. Every reset must succeed, whatever is unplugged meanwhile.
 */
#include "abi.h"

int main(int argc, char **argv)
{
	ARGUMENT(devgroup_command, reset);
	int group, count = 0;

	CHECK(argc == 2);
	group = abi_open_group(argv[1]);
	CHECK(group >= 0);
	printf("held\n");
	fflush(stdout);
	while (access("/tmp/stop", F_OK)) {
		CHECK(!ioctl(group, DEVGROUP_RESET, &reset));
		count++;
	}
	CHECK(abi_state_is(argv[1], "in-use"));
	printf("%d resets\n", count);
	return 0;
}
