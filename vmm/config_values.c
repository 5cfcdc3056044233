/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The values that options take, from text: numbers, sizes, PCI addresses. Strict: no signs,
 * no blanks, nothing left over.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "vmm/config_parse.h"

/* Reads digits of @base up to @limit and moves @text behind them. */
static int take_number(const char **text, unsigned base, uint64_t limit, uint64_t *number)
{
	static const char digits[] = "0123456789abcdef";
	const char *start = *text;

	*number = 0;
	for (; **text; (*text)++) {
		const char *found = strchr(digits, tolower((unsigned char)**text));
		uint64_t digit = found ? (uint64_t)(found - digits) : base;

		if (digit >= base)
			break;
		if (digit > limit || *number > (limit - digit) / base)
			return -ERANGE;
		*number = *number * base + digit;
	}
	return *text == start ? -EINVAL : 0;
}

int config_parse_number(const char *text, uint64_t limit, uint64_t *number)
{
	int ret = take_number(&text, 10, limit, number);

	if (ret == -ERANGE && text[strspn(text, "0123456789")])
		return -EINVAL;
	if (ret)
		return ret;
	return *text ? -EINVAL : 0;
}

/* -1: not a suffix. */
static int suffix_shift(const char *suffix)
{
	static const char suffixes[] = "kmgt";
	const char *found;

	if (!suffix[0])
		return 0;
	found = strchr(suffixes, tolower((unsigned char)suffix[0]));
	if (!found || suffix[1])
		return -1;
	return 10 * (int)(found - suffixes + 1);
}

int config_parse_size(const char *text, uint64_t *size)
{
	const char *suffix = text + strspn(text, "0123456789");
	int shift = suffix_shift(suffix);
	uint64_t number;
	int ret;

	if (shift < 0 || suffix == text)
		return -EINVAL;
	ret = take_number(&text, 10, UINT64_MAX >> shift, &number);
	if (ret)
		return ret;
	*size = number << shift;
	return 0;
}

/* Exactly @width hexadecimal digits, at most @limit, followed by @end. */
static int take_field(const char **text, size_t width, unsigned limit, char end, uint8_t *field)
{
	const char *start = *text;
	uint64_t number;

	if (take_number(text, 16, limit, &number) || *text != start + width || **text != end)
		return -EINVAL;
	if (end)
		(*text)++;
	*field = (uint8_t)number;
	return 0;
}

static int take_slot_function(const char *text, uint8_t *slot, uint8_t *function)
{
	if (take_field(&text, 2, 0x1f, '.', slot))
		return -EINVAL;
	return take_field(&text, 1, 7, '\0', function);
}

int config_parse_devfn(const char *text, uint8_t *devfn)
{
	uint8_t slot, function;

	if (take_slot_function(text, &slot, &function))
		return -EINVAL;
	*devfn = (uint8_t)(slot << 3 | function);
	return 0;
}

int config_parse_pci_address(const char *text, struct pci_address *address)
{
	struct pci_address found = { .domain = 0 };
	size_t width = strspn(text, "0123456789abcdefABCDEF");
	uint64_t domain;

	/* A domain has four digits or more, a bus always two. */
	if (width >= 4 && text[width] == ':') {
		if (take_number(&text, 16, UINT32_MAX, &domain))
			return -EINVAL;
		found.domain = (uint32_t)domain;
		text++;
	}
	if (take_field(&text, 2, 0xff, ':', &found.bus) ||
	    take_slot_function(text, &found.slot, &found.function))
		return -EINVAL;
	*address = found;
	return 0;
}
