// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The platform's error handling of a VFIO group (EEH): the partitionable endpoint of the one
 * group in the container, by VFIO_EEH_PE_OP.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>

#include "vmm/group/vfio_private.h"

/* <asm/eeh.h> */
enum { TYPE_32 = 0, TYPE_64 = 1 };

/* A number that is not negative, or a negative errno. */
static int eeh_op(struct group *group, uint32_t op)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	struct vfio_eeh_pe_op request = {.argsz = sizeof(request), .op = op};
	int ret = ioctl(vfio->container_fd, VFIO_EEH_PE_OP, &request);

	return ret < 0 ? -errno : ret;
}

static int eeh_enable(struct group *group)
{
	return eeh_op(group, VFIO_EEH_PE_ENABLE);
}

static int eeh_get_state(struct group *group, enum group_error_state *state)
{
	int ret = eeh_op(group, VFIO_EEH_PE_GET_STATE);

	switch (ret) {
	case VFIO_EEH_PE_STATE_NORMAL:
		*state = GROUP_NORMAL;
		return 0;
	case VFIO_EEH_PE_STATE_STOPPED:
		*state = GROUP_FROZEN;
		return 0;
	case VFIO_EEH_PE_STATE_STOPPED_DMA:
		*state = GROUP_MMIO_ENABLED;
		return 0;
	case VFIO_EEH_PE_STATE_RESET:
	case VFIO_EEH_PE_STATE_UNAVAIL:
		*state = GROUP_UNAVAILABLE;
		return 0;
	default:
		return ret < 0 ? ret : -EBADMSG;
	}
}

static int eeh_release(struct group *group, unsigned stages)
{
	int ret = 0;

	if (stages & GROUP_RELEASE_MMIO)
		ret = eeh_op(group, VFIO_EEH_PE_UNFREEZE_IO);
	if (!ret && (stages & GROUP_RELEASE_DMA))
		ret = eeh_op(group, VFIO_EEH_PE_UNFREEZE_DMA);
	return ret;
}

/* Not every slot has a fundamental reset, and the kernel tells that by EIO. */
static int eeh_reset(struct group *group, enum group_reset_step step)
{
	switch (step) {
	case GROUP_RESET_HOT:
		return eeh_op(group, VFIO_EEH_PE_RESET_HOT);
	case GROUP_RESET_FUNDAMENTAL:
		return eeh_op(group, VFIO_EEH_PE_RESET_FUNDAMENTAL) ? -EOPNOTSUPP : 0;
	default:
		return eeh_op(group, VFIO_EEH_PE_RESET_DEACTIVATE);
	}
}

static int eeh_configure(struct group *group)
{
	return eeh_op(group, VFIO_EEH_PE_CONFIGURE);
}

/* The guest's bus addresses are not the host's: the platform's firmware chooses one of the PE. */
static int eeh_inject(struct group *group, bool wide, unsigned function)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	struct vfio_eeh_pe_op request = {
		.argsz = sizeof(request),
		.op = VFIO_EEH_PE_INJECT_ERR,
		.err = { .type = wide ? TYPE_64 : TYPE_32, .func = function },
	};

	return ioctl(vfio->container_fd, VFIO_EEH_PE_OP, &request) < 0 ? -errno : 0;
}

static const struct group_recovery_ops eeh_ops = {
	.enable = eeh_enable,
	.get_state = eeh_get_state,
	.release = eeh_release,
	.reset = eeh_reset,
	.configure = eeh_configure,
	.inject = eeh_inject,
};

/* An LPAR's kernel says yes to the extension, and has no PE that it could be asked about. */
void vfio_group_find_eeh(struct vfio_group *vfio)
{
	if (ioctl(vfio->container_fd, VFIO_CHECK_EXTENSION, VFIO_EEH) <= 0 ||
	    eeh_op(&vfio->group, VFIO_EEH_PE_GET_STATE) < 0)
		return;
	vfio->group.capabilities |= GROUP_CAP_EEH;
	vfio->group.recovery = &eeh_ops;
}
