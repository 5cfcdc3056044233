// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `pvmm group`: which command it is, its options, help.
 */
#include "vmm/cli/group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/group_parts.h"

/* Which options a command takes, apart from --verbose and --help. */
#define TAKES_JSON 1
#define TAKES_FORCE 2

struct command {
	const char *name;
	const char *arguments;
	const char *summary;	/* a line in the list of commands */
	const char *help;	/* more, for its own --help */
	unsigned options;
	unsigned min_names, max_names;
	int (*run)(struct group_cli *cli);
};

static const struct command commands[] = {
	{ "list", "[--json]", "all groups, with their devices and who has them",
	  "Prints each group with its number, its state, its devices with their names\n"
	  "and host drivers, and the reason why they belong together.\n",
	  TAKES_JSON, 0, 0, group_cli_list },
	{ "show", "GROUP [--json]", "all that is known of one group",
	  "Prints all that is known of one group.\n",
	  TAKES_JSON, 1, 1, group_cli_show },
	{ "check", "GROUP [--json]", "what keeps a group from a guest, and the cure",
	  "Prints what keeps the group from being handed to a guest: each device in use\n"
	  "with its driver, its mounted filesystems, swap, network interfaces that are up\n"
	  "or have addresses, and other processes; and the command that clears each.\n"
	  "Exit status: 0 nothing is in the way, 1 something is, or the check failed.\n",
	  TAKES_JSON, 1, 1, group_cli_check },
	{ "claim", "GROUP [--force]", "take a group from the host's drivers",
	  "Takes all devices of the group from the host's drivers, or none, until it is\n"
	  "released. A group of which a disk is mounted or an interface is up is refused,\n"
	  "unless --force.\n",
	  TAKES_FORCE, 1, 1, group_cli_claim },
	{ "release", "GROUP", "give the devices of a group back",
	  "Ends a claim: each device goes back to the driver that it had.\n",
	  0, 1, 1, group_cli_release },
	{ "merge", "GROUP GROUP...", "make one group of several",
	  "Makes one group of several free ones, with the number of the first. Needs the\n"
	  "group driver.\n",
	  0, 2, GROUP_NAMES_MAX, group_cli_merge },
	{ "unmerge", "GROUP", "make the former groups of a merged one",
	  "Undoes a merge of a group, which must be free. Needs the group driver.\n",
	  0, 1, 1, group_cli_unmerge },
	{ "apply", "", "do what /etc/devgroups.d says",
	  "Merges and claims the groups that /etc/devgroups.d/*.conf name, and leaves alone\n"
	  "what is that way already. A line that is wrong or cannot be done is reported\n"
	  "and does not stop the others. See devgroups.d(5).\n",
	  0, 0, 0, group_cli_apply },
};

static const char group_help[] =
	"GROUP is a group's number, its folder in sysfs, or the PCI address of one of\n"
	"its devices.\n";

static void print_help(FILE *out)
{
	fprintf(out, "Usage: pvmm group COMMAND [ARGUMENT]...\n"
		     "Manages the host's device groups, with the group driver (devgroups) or\n"
		     "without.\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-8s %-18s %s\n", commands[i].name, commands[i].arguments,
			commands[i].summary);
	fprintf(out, "\n%s--json prints for scripts, --verbose says more of what is done, and\n"
		     "`pvmm group COMMAND --help` helps with one command.\n"
		     "\nExit status: 0, or 1 when something is wrong. More: man pvmm-group\n",
		group_help);
}

static void print_command_help(const struct command *command, FILE *out)
{
	fprintf(out, "Usage: pvmm group %s%s%s\n%s", command->name,
		command->arguments[0] ? " " : "", command->arguments, command->help);
	if (command->max_names)
		fputs(group_help, out);
	fprintf(out, "\nOptions:\n");
	if (command->options & TAKES_JSON)
		fprintf(out, "  --json     print JSON\n");
	if (command->options & TAKES_FORCE)
		fprintf(out, "  --force    also what the host uses: a filesystem on a disk is then "
			     "like one\n             whose disk was pulled out\n");
	fprintf(out, "  --verbose  say more of what is done\n  --help     print this\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

int group_cli_complain(struct group_cli *cli, const char *verb, unsigned number, int error,
		       const struct group_error *errors)
{
	for (; errors->error && errors->error != error; errors++)
		;
	if (errors->error)
		log_error(cli->log, "cannot %s group %u: %s", verb, number, errors->text);
	else if (error == -EACCES || error == -EPERM)
		log_error(cli->log, "cannot %s group %u: no permission; run as root", verb, number);
	else
		log_error(cli->log, "cannot %s group %u: %s; dmesg may say why", verb, number,
			  strerror(-error));
	return error;
}

/* An option: 0, 1 for --help, or -EINVAL after a line on the log. */
static int parse_option(struct group_cli *cli, const struct command *command, const char *word)
{
	if (strcmp(word, "--help") == 0)
		return 1;
	if (strcmp(word, "--verbose") == 0)
		cli->log->verbose = true;
	else if (strcmp(word, "--json") == 0 && command->options & TAKES_JSON)
		cli->json = true;
	else if (strcmp(word, "--force") == 0 && command->options & TAKES_FORCE)
		cli->force = true;
	else {
		log_error(cli->log, "group %s %.128s: unknown option; `pvmm group %s --help` lists "
			  "them", command->name, word, command->name);
		return -EINVAL;
	}
	return 0;
}

static int parse_words(struct group_cli *cli, const struct command *command, int argc,
		       char **argv)
{
	int ret = 0;

	for (int i = 0; !ret && i < argc; i++) {
		if (argv[i][0] == '-') {
			ret = parse_option(cli, command, argv[i]);
		} else if (cli->nr_names < command->max_names) {
			cli->names[cli->nr_names++] = argv[i];
		} else {
			log_error(cli->log, "group %s: %.128s is one argument too many; write "
				  "`pvmm group %s %s`", command->name, argv[i], command->name,
				  command->arguments);
			ret = -EINVAL;
		}
	}
	if (!ret && cli->nr_names < command->min_names) {
		log_error(cli->log, "group %s: %s; write `pvmm group %s %s` (`pvmm group list` "
			  "shows the groups)", command->name,
			  cli->nr_names ? "one group is not enough" : "no group is given",
			  command->name, command->arguments);
		ret = -EINVAL;
	}
	return ret;
}

static int run_command(struct group_cli *cli, int argc, char **argv)
{
	const struct command *command;
	int ret;

	if (argc < 2) {
		log_error(cli->log, "group: no command is given; `pvmm group --help` lists them");
		return -EINVAL;
	}
	if (strcmp(argv[1], "--help") == 0) {
		print_help(cli->out);
		return 0;
	}
	command = find_command(argv[1]);
	if (!command) {
		log_error(cli->log, "group %.128s: unknown command; `pvmm group --help` lists them",
			  argv[1]);
		return -EINVAL;
	}
	ret = parse_words(cli, command, argc - 2, argv + 2);
	if (ret == 1) {
		print_command_help(command, cli->out);
		return 0;
	}
	return ret ? ret : command->run(cli);
}

int group_command(const struct host_root *root, int argc, char **argv, FILE *out,
		  struct log *log)
{
	struct group_cli cli = { .root = root, .log = log, .out = out };
	int ret = run_command(&cli, argc, argv);

	/* Output that went nowhere is an error, or a script would take it for an empty list. */
	if (fflush(out) || ferror(out)) {
		log_error(log, "standard output takes nothing; point it elsewhere");
		ret = -EIO;
	}
	return ret ? 1 : 0;
}
