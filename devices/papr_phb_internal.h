/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the PAPR host bridge (papr_phb*.c) share with each other. */
#ifndef PVMM_DEVICES_PAPR_PHB_INTERNAL_H
#define PVMM_DEVICES_PAPR_PHB_INTERNAL_H

#include "devices/papr_phb.h"

/* NULL: no such bridge. */
struct papr_phb *papr_phb_find(struct papr_phbs *phbs, uint64_t buid);

/* @config_addr as in config space calls; NULL: no device there. */
struct pci_device *papr_phb_device(struct papr_phb *phb, uint32_t config_addr);

/* 0 or a negative errno of the tables. */
int papr_phb_register_rtas(struct papr_phbs *phbs, struct rtas *rtas);
int papr_phb_register_hcalls(struct papr_phbs *phbs, struct hcall_table *hcalls);

#endif
