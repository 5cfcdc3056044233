/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvmm's entry: parse, run, exit. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/group.h"
#include "vmm/config.h"
#include "vmm/log.h"
#include "vmm/vm.h"

/* What is opened later must not become a standard file: messages would go there. */
static void open_standard_files(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd <= 2)
		fd = open("/dev/null", O_RDWR);
	if (fd > 2)
		close(fd);
}

int main(int argc, char **argv)
{
	struct log log = { .fd = 2 };
	struct vm_config config = { 0 };
	int status = VM_EXIT_ERROR;

	open_standard_files();
	if (argc > 1 && strcmp(argv[1], "group") == 0)
		return group_command(&host_root_system, argc - 1, argv + 1, stdout, &log);
	switch (config_parse(&config, &log, argc, argv)) {
	case CONFIG_RUN:
		log.verbose = config.verbose;
		status = vm_run(&config, &log);
		break;
	case CONFIG_DONE:
		status = 0;
		break;
	case CONFIG_BAD:
		break;
	}
	config_exit(&config);
	return status;
}
