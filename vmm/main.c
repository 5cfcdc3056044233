/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvmm's entry: parse, run, exit. */
#include "vmm/config.h"
#include "vmm/log.h"
#include "vmm/vm.h"

int main(int argc, char **argv)
{
	struct log log = { .fd = 2 };
	struct vm_config config = { 0 };
	int status = VM_EXIT_ERROR;

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
