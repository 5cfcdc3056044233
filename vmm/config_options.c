/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of options, the same for the command line, --config files and --help, and what
 * setting each of them means.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config_parse.h"

/* One setter: checks @value and stores it where the option belongs. */
#define SETTER(name)                                                                       \
	static int name(struct config_parser *parser, const struct config_option *option,   \
			const char *value)

static int set_string(struct config_parser *parser, char **string, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return config_complain_memory(parser);
	free(*string);
	*string = copy;
	return 0;
}

SETTER(set_claim)
{
	parser->config->claim = true;
	return 0;
}

SETTER(set_kernel)
{
	return set_string(parser, &parser->config->kernel, value);
}

SETTER(set_initrd)
{
	return set_string(parser, &parser->config->initrd, value);
}

SETTER(set_append)
{
	return set_string(parser, &parser->config->append, value);
}

SETTER(set_cpus)
{
	uint64_t cpus;

	if (config_parse_number(value, CONFIG_CPUS_MAX, &cpus) || !cpus)
		return config_complain(parser, option, value, "not a number of CPUs; use 1 to %d",
				       CONFIG_CPUS_MAX);
	parser->config->cpus = (unsigned)cpus;
	return 0;
}

static int set_console_file(struct config_parser *parser, const struct config_option *option,
			    const char *value)
{
	const char *path = value + strlen("file:");
	int ret;

	if (!*path)
		return config_complain(parser, option, value,
				       "no file name; write it like file:console.log");
	ret = set_string(parser, &parser->config->console_path, path);
	if (!ret)
		parser->config->console = CONSOLE_FILE;
	return ret;
}

struct choice {
	const char *name;
	int choice;
};

/* Which of @choices, which end with a NULL, @value is; false: none. */
static bool choose(const struct choice *choices, const char *value, int *choice)
{
	while (choices->name && strcmp(value, choices->name) != 0)
		choices++;
	*choice = choices->choice;
	return choices->name;
}

SETTER(set_console)
{
	static const struct choice kinds[] = {
		{ "stdio", CONSOLE_STDIO },
		{ "pty", CONSOLE_PTY },
		{ "none", CONSOLE_NONE },
		{ NULL, CONSOLE_STDIO },
	};
	int kind;

	if (!strncmp(value, "file:", strlen("file:")))
		return set_console_file(parser, option, value);
	if (choose(kinds, value, &kind)) {
		parser->config->console = (enum console_kind)kind;
		return 0;
	}
	return config_complain(parser, option, value,
			       "not a console; use stdio, pty, file:PATH or none");
}

SETTER(set_timeout)
{
	uint64_t seconds;
	int ret = config_parse_number(value, UINT32_MAX, &seconds);

	if (ret == -ERANGE)
		return config_complain(parser, option, value, "too long; at most %u seconds",
				       UINT32_MAX);
	if (ret)
		return config_complain(parser, option, value,
				       "not a number; use whole seconds, such as 60");
	parser->config->timeout = (unsigned)seconds;
	return 0;
}

SETTER(set_no_reboot)
{
	parser->config->no_reboot = true;
	return 0;
}

SETTER(set_dump_dtb)
{
	return set_string(parser, &parser->config->dump_dtb, value);
}

SETTER(set_nvram)
{
	return set_string(parser, &parser->config->nvram, value);
}

SETTER(set_irqchip)
{
	static const struct choice choices[] = {
		{ "auto", IRQCHIP_AUTO },
		{ "xive", IRQCHIP_XIVE },
		{ "xics", IRQCHIP_XICS },
		{ "xive-pvmm", IRQCHIP_XIVE_PVMM },
		{ "xics-pvmm", IRQCHIP_XICS_PVMM },
		{ NULL, IRQCHIP_AUTO },
	};
	int choice;

	if (choose(choices, value, &choice)) {
		parser->config->irqchip = (enum irqchip_choice)choice;
		return 0;
	}
	return config_complain(parser, option, value,
			       "not an interrupt controller; use auto, xive, xics, "
			       "xive-pvmm or xics-pvmm");
}

SETTER(set_tce)
{
	static const struct choice choices[] = {
		{ "auto", TCE_AUTO },
		{ "kvm", TCE_KVM },
		{ "single", TCE_SINGLE },
		{ "pvmm", TCE_PVMM },
		{ NULL, TCE_AUTO },
	};
	int choice;

	if (choose(choices, value, &choice)) {
		parser->config->tce = (enum tce_choice)choice;
		return 0;
	}
	return config_complain(parser, option, value,
			       "not a way to handle TCEs; use auto, kvm, single or pvmm");
}

SETTER(set_dma)
{
	static const struct choice choices[] = {
		{ "ondemand", DMA_ONDEMAND },
		{ "all", DMA_ALL },
		{ "nowindow64", DMA_NO_WINDOW64 },
		{ NULL, DMA_ONDEMAND },
	};
	int choice;

	if (choose(choices, value, &choice)) {
		parser->config->dma = (enum dma_choice)choice;
		return 0;
	}
	return config_complain(parser, option, value,
			       "not a way to lock memory for devices; use ondemand, all or nowindow64");
}

SETTER(set_verbose)
{
	parser->config->verbose = true;
	return 0;
}

SETTER(read_config)
{
	return config_read_file(parser, value);
}

static int check_printed(struct config_parser *parser, const struct config_option *option, int ret)
{
	if (ret)
		config_complain(parser, option, NULL,
				"standard output takes nothing; point it elsewhere");
	return ret;
}

SETTER(print_help)
{
	return check_printed(parser, option, config_print_help());
}

SETTER(print_version)
{
	return check_printed(parser, option, config_print_version());
}

const struct config_option config_options[] = {
	{ "group", CONFIG_OPTION_VALUE, "Devices", "PATH[,place=DEVICE@SLOT]...",
	  "hand over a group: /sys/devgroups/N, a PCI address,\n"
	  "which stands for its group, or, for VFIO,\n"
	  "/sys/kernel/iommu_groups/N; repeatable", config_set_group },
	{ "claim", CONFIG_OPTION_FLAG, NULL, NULL,
	  "with VFIO, take devices from host drivers, too", set_claim },

	{ "kernel", CONFIG_OPTION_VALUE, "Guest", "FILE", "ELF kernel (vmlinux or zImage)",
	  set_kernel },
	{ "initrd", CONFIG_OPTION_VALUE, NULL, "FILE", "initial RAM disk", set_initrd },
	{ "append", CONFIG_OPTION_VALUE, NULL, "STRING", "kernel command line", set_append },
	{ "memory", CONFIG_OPTION_VALUE, NULL, "SIZE[,hugepages=SIZE][,file=PATH][,node=N]",
	  "memory, with K, M, G or T, 256M or more (512M), of\n"
	  "huge pages, of a file's, of a NUMA node's", config_set_memory },
	{ "cpus", CONFIG_OPTION_VALUE, NULL, "N", "virtual CPUs (1)", set_cpus },
	{ "irqchip", CONFIG_OPTION_VALUE, NULL, "auto|xive|xics|xive-pvmm|xics-pvmm",
	  "interrupt controller (auto)", set_irqchip },
	{ "tce", CONFIG_OPTION_VALUE, NULL, "auto|kvm|single|pvmm",
	  "who handles its DMA mappings (auto)", set_tce },
	{ "dma", CONFIG_OPTION_VALUE, NULL, "ondemand|all|nowindow64",
	  "memory locked for DMA: as it is mapped, all of it,\n"
	  "or without 64-bit windows (ondemand)", set_dma },
	{ "nvram", CONFIG_OPTION_VALUE, NULL, "FILE", "keep the guest's NVRAM in FILE",
	  set_nvram },

	{ "console", CONFIG_OPTION_VALUE, "Running", "stdio|pty|file:PATH|none",
	  "the guest's console (stdio; Ctrl-A h helps there)", set_console },
	{ "timeout", CONFIG_OPTION_VALUE, NULL, "SECONDS",
	  "stop the guest after so long, exit status 124", set_timeout },
	{ "no-reboot", CONFIG_OPTION_FLAG, NULL, NULL,
	  "end with exit status 3 when the guest reboots", set_no_reboot },
	{ "dump-dtb", CONFIG_OPTION_VALUE, NULL, "FILE", "write the guest's device tree to FILE",
	  set_dump_dtb },

	{ "config", CONFIG_OPTION_FILE, "General", "FILE",
	  "read options from FILE, a `name = value` per line", read_config },
	{ "verbose", CONFIG_OPTION_FLAG, NULL, NULL, "say more about what is done", set_verbose },
	{ "version", CONFIG_OPTION_PRINT, NULL, NULL, "print the version", print_version },
	{ "help", CONFIG_OPTION_PRINT, NULL, NULL, "print this", print_help },
	{ .name = NULL },
};

const struct config_option *config_find_option(const char *name, size_t length)
{
	for (const struct config_option *option = config_options; option->name; option++) {
		if (strlen(option->name) == length && !memcmp(option->name, name, length))
			return option;
	}
	return NULL;
}

bool config_takes_value(const struct config_option *option)
{
	return option->kind == CONFIG_OPTION_VALUE || option->kind == CONFIG_OPTION_FILE;
}
