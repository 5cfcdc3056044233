// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device while its group is frozen: what COMMAND it has, what its file reads and takes, and
 * how VFIO's PCI code goes on working with it without letting it onto the bus.
 *
 * In the device's COMMAND, decoding and bus mastering are off and INTx is disabled, so neither
 * DMA nor an MSI leaves it; what the user has set is kept beside it. For vfio_pci_core the guest
 * has INTx disabled: it signals and unmasks none. So an INTx that was to be unmasked during the
 * freeze stays masked, and its user unmasks it again after the release.
 */
#include <linux/uaccess.h>

#include "devgroups.h"

#define INTX PCI_COMMAND_INTX_DISABLE
#define DECODE (PCI_COMMAND_MEMORY | PCI_COMMAND_IO)

static bool is_dark(struct devgroup_vdev *vdev)
{
	return vdev->use->state == DEVGROUP_FROZEN || vdev->use->state == DEVGROUP_DEAD;
}

static void set_virq_disabled(struct devgroup_vdev *vdev, bool disabled)
{
	spin_lock_irq(&vdev->core.irqlock);
	vdev->core.virq_disabled = disabled;
	spin_unlock_irq(&vdev->core.irqlock);
}

/* What the user has set, as vfio_pci_core would have it. */
static bool user_disables_intx(struct devgroup_vdev *vdev)
{
	return vdev->core.vconfig[PCI_COMMAND + 1] & (INTX >> 8);
}

/* An interrupt that the device has sent before is delivered when this returns. */
static void wait_for_interrupts(struct devgroup_vdev *vdev)
{
	struct pci_dev *pdev = vdev->core.pdev;
	int count = max3(pci_msix_vec_count(pdev), pci_msi_vec_count(pdev), 1);
	int i, irq;

	for (i = 0; i < count; i++) {
		irq = pci_irq_vector(pdev, i);
		if (irq > 0)
			synchronize_irq(irq);
	}
}

/* As much of COMMAND as the state allows. */
static void write_command(struct devgroup_vdev *vdev)
{
	u16 command = vdev->command, real;

	if (is_dark(vdev))
		command &= ~DECODE;
	set_virq_disabled(vdev, true);
	pci_write_config_word(vdev->core.pdev, PCI_COMMAND,
			      (command & ~PCI_COMMAND_MASTER) | INTX);
	/* What was posted before has arrived with the answer. */
	pci_read_config_word(vdev->core.pdev, PCI_COMMAND, &real);
}

static void cut_off(struct devgroup_vdev *vdev)
{
	if (!vdev->isolated)
		pci_read_config_word(vdev->core.pdev, PCI_COMMAND, &vdev->command);
	vdev->isolated = true;
	write_command(vdev);
	wait_for_interrupts(vdev);
}

static void give_back(struct devgroup_vdev *vdev)
{
	if (!vdev->isolated)
		return;
	vdev->isolated = false;
	set_virq_disabled(vdev, user_disables_intx(vdev));
	pci_write_config_word(vdev->core.pdev, PCI_COMMAND, vdev->command);
}

void devgroup_isolate(struct devgroup_vdev *vdev)
{
	if (vdev->use->state == DEVGROUP_NORMAL)
		give_back(vdev);
	else
		cut_off(vdev);
	devgroup_ones_set_present(vdev, !is_dark(vdev));
}

/*
 * Around a call of vfio_pci_core that may change COMMAND: it finds INTx as it left it, and what
 * it does is what the user has set from then on. Bus mastering is off until it sets it.
 */
static void begin(struct devgroup_vdev *vdev)
{
	u16 command;

	mutex_lock(&vdev->command_lock);
	pci_read_config_word(vdev->core.pdev, PCI_COMMAND, &command);
	pci_write_config_word(vdev->core.pdev, PCI_COMMAND,
			      (command & ~INTX) | (vdev->command & INTX));
}

static void end(struct devgroup_vdev *vdev, u16 changed)
{
	u16 command;

	pci_read_config_word(vdev->core.pdev, PCI_COMMAND, &command);
	vdev->command = (vdev->command & ~changed) | (command & changed);
	write_command(vdev);
	mutex_unlock(&vdev->command_lock);
}

/* INTx stays disabled for the guest, so that unmasking does nothing. */
long devgroup_isolated_set_irqs(struct devgroup_vdev *vdev, unsigned long arg)
{
	long ret;

	begin(vdev);
	ret = vfio_pci_core_ioctl(&vdev->core.vdev, VFIO_DEVICE_SET_IRQS, arg);
	end(vdev, INTX);
	return ret;
}

static loff_t region_size(struct devgroup_vdev *vdev, unsigned int index)
{
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return vdev->core.pdev->cfg_size;
	if (index <= VFIO_PCI_ROM_REGION_INDEX)
		return pci_resource_len(vdev->core.pdev, index);
	return 0;
}

/* How much of an access lies in its region; -EINVAL: nothing. */
static ssize_t in_region(struct devgroup_vdev *vdev, size_t count, loff_t offset)
{
	loff_t size, at = offset & VFIO_PCI_OFFSET_MASK;
	u64 index = VFIO_PCI_OFFSET_TO_INDEX(offset);

	if (offset < 0 || index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	size = region_size(vdev, index);
	return at < size ? min_t(loff_t, count, size - at) : -EINVAL;
}

static int fill_with_ones(char __user *buf, size_t count)
{
	static const u64 ones[8] = { [0 ... 7] = U64_MAX };
	size_t done, now;

	for (done = 0; done < count; done += now) {
		now = min(count - done, sizeof(ones));
		if (copy_to_user(buf + done, ones, now))
			return -EFAULT;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static bool is_config(loff_t offset)
{
	return VFIO_PCI_OFFSET_TO_INDEX(offset) == VFIO_PCI_CONFIG_REGION_INDEX;
}

/* Where a byte of config space is in an access, or -1. */
static ssize_t where_in(unsigned int byte, size_t count, loff_t offset)
{
	loff_t at = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX) + byte - offset;

	return at >= 0 && at < count ? at : -1;
}

/* The user reads what he has set. */
static ssize_t show_command(struct devgroup_vdev *vdev, char __user *buf, ssize_t count,
			    loff_t offset)
{
	ssize_t at = count > 0 ? where_in(PCI_COMMAND, count, offset) : -1;
	u8 byte;

	if (at < 0 || !(vdev->command & PCI_COMMAND_MASTER))
		return count;
	if (get_user(byte, (u8 __user *)buf + at) ||
	    put_user(byte | PCI_COMMAND_MASTER, (u8 __user *)buf + at))
		return -EFAULT;
	return count;
}

ssize_t devgroup_isolated_read(struct devgroup_vdev *vdev, char __user *buf, size_t count,
			       loff_t *offset)
{
	loff_t start = *offset;
	ssize_t ret;

	if (!is_dark(vdev)) {
		ret = vfio_pci_core_read(&vdev->core.vdev, buf, count, offset);
		return show_command(vdev, buf, ret, start);
	}
	ret = in_region(vdev, count, start);
	if (ret < 0)
		return ret;
	if (fill_with_ones(buf, ret))
		return -EFAULT;
	*offset += ret;
	return ret;
}

ssize_t devgroup_isolated_write(struct devgroup_vdev *vdev, const char __user *buf, size_t count,
				loff_t *offset)
{
	u16 changed = INTX;
	ssize_t ret;

	if (is_dark(vdev)) {
		ret = in_region(vdev, count, *offset);
		*offset += max_t(ssize_t, ret, 0);
		return ret;
	}
	if (!is_config(*offset))
		return vfio_pci_core_write(&vdev->core.vdev, buf, count, offset);
	if (where_in(PCI_COMMAND, count, *offset) >= 0)
		changed |= 0x00ff;
	if (where_in(PCI_COMMAND + 1, count, *offset) >= 0)
		changed |= 0xff00;
	begin(vdev);
	set_virq_disabled(vdev, user_disables_intx(vdev));
	ret = vfio_pci_core_write(&vdev->core.vdev, buf, count, offset);
	end(vdev, changed);
	return ret;
}

/* COMMAND is the user's, and so is the state of VFIO's interrupts; the rest is as it was. */
int devgroup_configure_device(struct devgroup_vdev *vdev)
{
	struct pci_dev *pdev = vdev->core.pdev;
	u16 command;
	int ret;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	ret = pci_load_saved_state(pdev, vdev->core.pci_saved_state);
	if (ret)
		return ret;
	pci_restore_state(pdev);
	pci_write_config_word(pdev, PCI_COMMAND, command);
	return 0;
}
