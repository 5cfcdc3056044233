// SPDX-License-Identifier: GPL-2.0-only
/*
 * POWER's own isolation of a group in use (EEH): its state, its release, and bringing bridges back
 * after a reset. The kernel's EEH core recovers the host's devices; it leaves those of a user alone.
 */
#include "use.h"

#include <asm/eeh.h>

/* What the platform freezes as one, or NULL. Devices of a group may share it. */
static struct eeh_pe *pe_of(struct devgroup_vdev *vdev)
{
	struct eeh_dev *edev = vdev->removed || !eeh_enabled() ? NULL :
			       vdev->vfio->dev->archdata.edev;

	return edev ? eeh_dev_to_pe(edev) : NULL;
}

static enum devgroup_error_state pe_state(struct eeh_pe *pe)
{
	switch (pe ? eeh_pe_get_state(pe) : EEH_PE_STATE_NORMAL) {
	case EEH_PE_STATE_RESET:
	case EEH_PE_STATE_STOPPED_IO_DMA:
	case EEH_PE_STATE_UNAVAIL:
		return DEVGROUP_FROZEN;
	case EEH_PE_STATE_STOPPED_DMA:
		return DEVGROUP_MMIO_ENABLED;
	default:
		return DEVGROUP_NORMAL;
	}
}

enum devgroup_error_state devgroup_eeh_state(struct devgroup_use *use)
{
	enum devgroup_error_state state, worst = DEVGROUP_NORMAL;
	unsigned int i;

	for (i = 0; i < use->count && worst != DEVGROUP_FROZEN; i++) {
		state = pe_state(pe_of(use->devices[i]));
		if (state != DEVGROUP_NORMAL)
			worst = state;
	}
	return worst;
}

static int thaw_pe(struct eeh_pe *pe, u32 flags)
{
	enum devgroup_error_state state = pe_state(pe);
	int ret = 0;

	if (state == DEVGROUP_FROZEN && (flags & DEVGROUP_RELEASE_MMIO))
		ret = eeh_pe_set_option(pe, EEH_OPT_THAW_MMIO);
	if (!ret && state != DEVGROUP_NORMAL && (flags & DEVGROUP_RELEASE_DMA))
		ret = eeh_pe_set_option(pe, EEH_OPT_THAW_DMA);
	return ret;
}

int devgroup_eeh_thaw(struct devgroup_use *use, u32 flags)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < use->count && !ret; i++)
		ret = thaw_pe(pe_of(use->devices[i]), flags);
	return ret;
}

int devgroup_eeh_configure(struct devgroup_use *use)
{
	struct eeh_pe *pe;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < use->count && !ret; i++) {
		pe = pe_of(use->devices[i]);
		if (pe)
			ret = eeh_pe_configure(pe);
	}
	return ret;
}
