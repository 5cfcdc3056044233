/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What --help and --version print, from the table of options.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/config_parse.h"

#ifndef PVMM_VERSION
#define PVMM_VERSION "unknown"
#endif

#define HELP_COLUMN 28	/* where the explanations begin */

static void print_option(const struct config_option *option)
{
	const char *value = option->value ? option->value : "";
	const char *text = option->help;
	int used = printf("  --%s%s%s", option->name, *value ? " " : "", value);

	if (used >= HELP_COLUMN) {
		printf("\n");
		used = 0;
	}
	while (text) {
		const char *end = strchrnul(text, '\n');

		printf("%*s%.*s\n", HELP_COLUMN - used, "", (int)(end - text), text);
		text = *end ? end + 1 : NULL;
		used = 0;
	}
}

/* Output that went nowhere is an error, or a script would take it for empty help. */
static int finish_output(void)
{
	return fflush(stdout) || ferror(stdout) ? -EIO : 0;
}

int config_print_help(void)
{
	printf("Usage: pvmm [--group PATH]... --kernel FILE [OPTION]...\n"
	       "       pvmm group COMMAND [ARGUMENT]...\n"
	       "Runs a KVM guest with whole device groups passed through, or manages the host's\n"
	       "groups (`pvmm group --help`).\n");
	for (const struct config_option *option = config_options; option->name; option++) {
		if (option->group)
			printf("\n%s:\n", option->group);
		print_option(option);
	}
	printf("\nExample:\n"
	       "  pvmm --group 0001:01:00.0 --claim --kernel vmlinux --initrd initrd.img \\\n"
	       "       --append \"console=hvc0\" --memory 2G --cpus 4\n"
	       "\nExit status: 0 power-off, 1 error, 2 panic or stopped, 3 reboot under\n"
	       "--no-reboot, 124 --timeout passed. More: man pvmm\n");
	return finish_output();
}

int config_print_version(void)
{
	printf("pvmm %s\n", PVMM_VERSION);
	return finish_output();
}
