/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PCI host bridge of a group, on a board of its own. For one file of a program only. */
#ifndef PVMM_TESTS_PCI_FIXTURE_H
#define PVMM_TESTS_PCI_FIXTURE_H

#include "devices/pci.h"
#include "tests/unit/board_fixture.h"

#define MEM32_PCI 0x80000000ULL
#define MEM32_GPA 0x200080000000ULL
#define MEM64_GPA 0x204000000000ULL
#define IO_GPA 0x200000000000ULL

static struct pci_host host;

static inline int init_host(void)
{
	return pci_host_init(&host, &fake.group, &board.bus, &board.irqchip, &board.log);
}

static inline void windows_for(const struct pci_needs *needs, struct pci_window *windows)
{
	windows[PCI_SPACE_IO] = (struct pci_window){ IO_GPA, 0, needs->size[PCI_SPACE_IO] };
	windows[PCI_SPACE_MEM32] =
		(struct pci_window){ MEM32_GPA, MEM32_PCI, needs->size[PCI_SPACE_MEM32] };
	windows[PCI_SPACE_MEM64] =
		(struct pci_window){ MEM64_GPA, MEM64_GPA, needs->size[PCI_SPACE_MEM64] };
}

/* A bridge with everything assigned and the guest about to start; @slack widens the windows. */
static inline void start_host(uint64_t slack)
{
	struct pci_window windows[PCI_SPACE_COUNT];
	struct pci_needs needs;

	ck_assert_int_eq(init_host(), 0);
	pci_host_needs(&host, &needs);
	windows_for(&needs, windows);
	windows[PCI_SPACE_MEM32].size += slack;
	windows[PCI_SPACE_MEM64].size += slack;
	ck_assert_int_eq(pci_host_assign(&host, windows), 0);
	ck_assert_int_eq(pci_host_reset(&host), 0);
}

static inline void stop_host(void)
{
	pci_host_exit(&host);
	expect_unplugged();
}

#endif
