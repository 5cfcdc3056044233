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

#include "pci.h"

#define INTX PCI_COMMAND_INTX_DISABLE
#define DECODE (PCI_COMMAND_MEMORY | PCI_COMMAND_IO)

static void set_virq_disabled(struct devgroup_pci *pci, bool disabled)
{
	spin_lock_irq(&pci->core.irqlock);
	pci->core.virq_disabled = disabled;
	spin_unlock_irq(&pci->core.irqlock);
}

/* What the user has set, as vfio_pci_core would have it. */
static bool user_disables_intx(struct devgroup_pci *pci)
{
	return pci->core.vconfig[PCI_COMMAND + 1] & (INTX >> 8);
}

/* An interrupt that the device has sent before is delivered when this returns. */
static void wait_for_interrupts(struct devgroup_pci *pci)
{
	struct pci_dev *pdev = pci->core.pdev;
	int count = max3(pci_msix_vec_count(pdev), pci_msi_vec_count(pdev), 1);
	int i, irq;

	for (i = 0; i < count; i++) {
		irq = pci_irq_vector(pdev, i);
		if (irq > 0)
			synchronize_irq(irq);
	}
}

/* As much of COMMAND as the state allows. */
static void write_command(struct devgroup_pci *pci)
{
	u16 command = pci->command, real;

	if (devgroup_vdev_is_dark(&pci->base))
		command &= ~DECODE;
	set_virq_disabled(pci, true);
	pci_write_config_word(pci->core.pdev, PCI_COMMAND,
			      (command & ~PCI_COMMAND_MASTER) | INTX);
	/* What was posted before has arrived with the answer. */
	pci_read_config_word(pci->core.pdev, PCI_COMMAND, &real);
}

static void cut_off(struct devgroup_pci *pci)
{
	if (!pci->isolated)
		pci_read_config_word(pci->core.pdev, PCI_COMMAND, &pci->command);
	pci->isolated = true;
	write_command(pci);
	wait_for_interrupts(pci);
}

static void give_back(struct devgroup_pci *pci)
{
	if (!pci->isolated)
		return;
	pci->isolated = false;
	set_virq_disabled(pci, user_disables_intx(pci));
	pci_write_config_word(pci->core.pdev, PCI_COMMAND, pci->command);
}

void devgroup_pci_isolate(struct devgroup_vdev *vdev)
{
	struct devgroup_pci *pci = to_pci(vdev);

	mutex_lock(&pci->command_lock);
	if (vdev->use->state == DEVGROUP_NORMAL)
		give_back(pci);
	else
		cut_off(pci);
	mutex_unlock(&pci->command_lock);
	devgroup_ones_set_present(vdev, !devgroup_vdev_is_dark(vdev));
}

/*
 * Around a call of vfio_pci_core that may change COMMAND: it finds INTx as it left it, and what
 * it does is what the user has set from then on. Bus mastering is off until it sets it.
 */
static void begin(struct devgroup_pci *pci)
{
	u16 command;

	mutex_lock(&pci->command_lock);
	pci_read_config_word(pci->core.pdev, PCI_COMMAND, &command);
	pci_write_config_word(pci->core.pdev, PCI_COMMAND,
			      (command & ~INTX) | (pci->command & INTX));
}

static void end(struct devgroup_pci *pci, u16 changed)
{
	u16 command;

	pci_read_config_word(pci->core.pdev, PCI_COMMAND, &command);
	pci->command = (pci->command & ~changed) | (command & changed);
	write_command(pci);
	mutex_unlock(&pci->command_lock);
}

/* INTx stays disabled for the guest, so that unmasking does nothing. */
static long set_irqs(struct devgroup_pci *pci, unsigned long arg)
{
	long ret;

	begin(pci);
	ret = vfio_pci_core_ioctl(&pci->core.vdev, VFIO_DEVICE_SET_IRQS, arg);
	end(pci, INTX);
	return ret;
}

/* What other calls save of COMMAND and put back (a reset, the size of the ROM) changes nothing. */
long devgroup_isolated_ioctl(struct devgroup_pci *pci, unsigned int cmd, unsigned long arg)
{
	long ret;

	if (cmd == VFIO_DEVICE_SET_IRQS)
		return set_irqs(pci, arg);
	mutex_lock(&pci->command_lock);
	ret = vfio_pci_core_ioctl(&pci->core.vdev, cmd, arg);
	write_command(pci);
	mutex_unlock(&pci->command_lock);
	return ret;
}

static loff_t region_size(struct devgroup_pci *pci, unsigned int index)
{
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return pci->core.pdev->cfg_size;
	if (index <= VFIO_PCI_ROM_REGION_INDEX)
		return pci_resource_len(pci->core.pdev, index);
	return 0;
}

/* How much of an access lies in its region; -EINVAL: nothing. */
static ssize_t in_region(struct devgroup_pci *pci, size_t count, loff_t offset)
{
	loff_t size, at = offset & VFIO_PCI_OFFSET_MASK;
	u64 index = VFIO_PCI_OFFSET_TO_INDEX(offset);

	if (offset < 0 || index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	size = region_size(pci, index);
	return at < size ? min_t(loff_t, count, size - at) : -EINVAL;
}

static bool is_config(loff_t offset)
{
	return VFIO_PCI_OFFSET_TO_INDEX(offset) == VFIO_PCI_CONFIG_REGION_INDEX;
}

ssize_t devgroup_config_at(unsigned int byte, size_t count, loff_t offset)
{
	loff_t at = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX) + byte - offset;

	return at >= 0 && at < count ? at : -1;
}

/* The user reads what he has set. */
static ssize_t show_command(struct devgroup_pci *pci, char __user *buf, ssize_t count,
			    loff_t offset)
{
	ssize_t at = count > 0 ? devgroup_config_at(PCI_COMMAND, count, offset) : -1;
	u8 byte;

	if (at < 0 || !(pci->command & PCI_COMMAND_MASTER))
		return count;
	if (get_user(byte, (u8 __user *)buf + at) ||
	    put_user(byte | PCI_COMMAND_MASTER, (u8 __user *)buf + at))
		return -EFAULT;
	return count;
}

ssize_t devgroup_isolated_read(struct devgroup_pci *pci, char __user *buf, size_t count,
			       loff_t *offset)
{
	loff_t start = *offset;
	ssize_t ret;

	if (!devgroup_vdev_is_dark(&pci->base)) {
		ret = vfio_pci_core_read(&pci->core.vdev, buf, count, offset);
		return show_command(pci, buf, ret, start);
	}
	ret = in_region(pci, count, start);
	if (ret < 0)
		return ret;
	if (devgroup_fill_with_ones(buf, ret))
		return -EFAULT;
	*offset += ret;
	return ret;
}

ssize_t devgroup_isolated_write(struct devgroup_pci *pci, const char __user *buf, size_t count,
				loff_t *offset)
{
	u16 changed = INTX;
	ssize_t ret;

	if (devgroup_vdev_is_dark(&pci->base)) {
		ret = in_region(pci, count, *offset);
		*offset += max_t(ssize_t, ret, 0);
		return ret;
	}
	if (!is_config(*offset))
		return vfio_pci_core_write(&pci->core.vdev, buf, count, offset);
	if (devgroup_config_at(PCI_COMMAND, count, *offset) >= 0)
		changed |= 0x00ff;
	if (devgroup_config_at(PCI_COMMAND + 1, count, *offset) >= 0)
		changed |= 0xff00;
	begin(pci);
	set_virq_disabled(pci, user_disables_intx(pci));
	ret = vfio_pci_core_write(&pci->core.vdev, buf, count, offset);
	end(pci, changed);
	return ret;
}

/* COMMAND is the user's, and so is the state of VFIO's interrupts; the rest is as it was. */
int devgroup_pci_configure(struct devgroup_vdev *vdev)
{
	struct devgroup_pci *pci = to_pci(vdev);
	struct pci_dev *pdev = pci->core.pdev;
	u16 command;
	int ret;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	ret = pci_load_saved_state(pdev, pci->core.pci_saved_state);
	if (ret)
		return ret;
	pci_restore_state(pdev);
	pci_write_config_word(pdev, PCI_COMMAND, command);
	return 0;
}

/* As it was when it was claimed, and off the bus if it is isolated: its user resets it. */
int devgroup_pci_recover(struct devgroup_vdev *vdev)
{
	struct devgroup_pci *pci = to_pci(vdev);
	struct pci_dev *pdev = pci->core.pdev;
	int ret = pci_load_saved_state(pdev, pci->claimed_state);

	if (ret)
		return ret;
	mutex_lock(&pci->command_lock);
	pci_restore_state(pdev);
	if (pci->isolated)
		write_command(pci);
	mutex_unlock(&pci->command_lock);
	return 0;
}
