/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the operator asked for: one struct, filled from the command line and --config, checked
 * as far as possible without touching the host. Owns its strings.
 */
#ifndef PVMM_CONFIG_H
#define PVMM_CONFIG_H

#include <sys/types.h>

#include "vmm/group/group.h"
#include "vmm/log.h"
#include "vmm/util.h"

enum console_kind { CONSOLE_STDIO, CONSOLE_PTY, CONSOLE_FILE, CONSOLE_NONE };
/* The last two are pvmm's own, the others KVM's where that has them. */
enum irqchip_choice {
	IRQCHIP_AUTO, IRQCHIP_XIVE, IRQCHIP_XICS, IRQCHIP_XIVE_PVMM, IRQCHIP_XICS_PVMM,
};
enum dma_choice { DMA_ONDEMAND, DMA_ALL, DMA_NO_WINDOW64 };
enum tce_choice { TCE_AUTO, TCE_KVM, TCE_SINGLE, TCE_PVMM };

/* place=0001:01:00.0@03.0 */
struct group_place {
	struct pci_address host;
	uint8_t devfn;		/* slot << 3 | function, in the guest */
};

struct group_config {
	char *path;		/* a sysfs folder, or a PCI address */
	struct group_place *places;
	unsigned nr_places;
};

struct vm_config {
	struct group_config *groups;
	unsigned nr_groups;
	bool claim;
	char *kernel, *initrd, *append;	/* initrd and append may be NULL */
	uint64_t memory;		/* bytes; default 512 MiB, at least 256 MiB */
	uint64_t hugepages;		/* bytes of each; 0: the host's ordinary pages */
	char *memory_file;		/* whose pages are memory; NULL: none, as with hugepages */
	int memory_node;		/* NUMA node; -1: any */
	unsigned cpus;			/* default 1 */
	enum console_kind console;
	char *console_path;		/* CONSOLE_FILE */
	unsigned timeout;		/* seconds; 0: none */
	bool no_reboot;
	char *dump_dtb, *nvram;		/* file names, or NULL */
	enum irqchip_choice irqchip;
	enum tce_choice tce;
	enum dma_choice dma;
	bool verbose;
};

#define CONFIG_MEMORY_MIN (256 * MIB)
#define CONFIG_MEMORY_MAX (1024 * GIB)
#define CONFIG_MEMORY_ALIGN (1 * MIB)
#define CONFIG_NODE_MAX 1023
#define CONFIG_CPUS_MAX 256
#define CONFIG_GROUPS_MAX 16

enum config_result { CONFIG_RUN, CONFIG_DONE, CONFIG_BAD };

/*
 * CONFIG_RUN: go on. CONFIG_DONE: --help or --version was printed. CONFIG_BAD: one line on
 * @log said what is wrong and what to do. @config needs config_exit() in every case.
 */
enum config_result config_parse(struct vm_config *config, struct log *log, int argc, char **argv);
void config_exit(struct vm_config *config);

/* The content of a configuration file, NUL-terminated and to be freed; NULL and a negative errno
 * in @size when it cannot be read or is too large (-EFBIG). */
char *config_slurp(const char *path, ssize_t *size);

/* Digits alone; 0, -EINVAL or -ERANGE (beyond @limit). */
int config_parse_number(const char *text, uint64_t limit, uint64_t *number);
/* "512M", "4g", "1048576"; 0, -EINVAL (not a size) or -ERANGE (does not fit in 64 bits). */
int config_parse_size(const char *text, uint64_t *size);
/* "0001:01:00.0" (the domain may be left out: 0); 0 or -EINVAL. */
int config_parse_pci_address(const char *text, struct pci_address *address);

#endif
