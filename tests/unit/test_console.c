/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console: pipes, files, ptys, and a real terminal with its keys and its restoration. */
#include "vmm/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/capture.h"

/* A console with its loop and log. */
struct fixture {
	struct capture capture;
	struct loop loop;
	struct console console;
	struct vm_config config;
};

static void stop_loop(void *owner)
{
	loop_stop(owner);
}

static int fixture_init(struct fixture *fixture, enum console_kind kind, char *path)
{
	int ret;

	memset(fixture, 0, sizeof(*fixture));
	capture_init(&fixture->capture);
	ck_assert_int_eq(loop_init(&fixture->loop), 0);
	fixture->config.console = kind;
	fixture->config.console_path = path;
	ret = console_init(&fixture->console, &fixture->config, &fixture->loop,
			   &fixture->capture.log);
	fixture->console.on_input = stop_loop;
	fixture->console.on_quit = stop_loop;
	fixture->console.owner = &fixture->loop;
	fixture->console.quit_owner = &fixture->loop;
	return ret;
}

static void fixture_exit(struct fixture *fixture)
{
	console_exit(&fixture->console);
	loop_exit(&fixture->loop);
	capture_exit(&fixture->capture);
}

/* Puts pipes in place of standard input and output; the test keeps the other ends. */
static void use_pipes(int *to_input, int *from_output)
{
	int input[2], output[2];

	ck_assert_int_eq(pipe(input), 0);
	ck_assert_int_eq(pipe(output), 0);
	ck_assert_int_eq(dup2(input[0], STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_eq(dup2(output[1], STDOUT_FILENO), STDOUT_FILENO);
	close(input[0]);
	close(output[1]);
	*to_input = input[1];
	*from_output = output[0];
}

static void use_file(int fd, const char *path, int flags)
{
	int file = open(path, flags);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(dup2(file, fd), fd);
	close(file);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

START_TEST(test_pipes)
{
	struct fixture fixture;
	char text[32] = "";
	int input, output;

	use_pipes(&input, &output);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	ck_assert_uint_eq(console_read(&fixture.console, text, sizeof(text)), 0);
	/* Without a terminal there are no escapes. */
	ck_assert_int_eq(write(input, "a\1xb", 4), 4);
	ck_assert_int_eq(loop_run(&fixture.loop), 0);
	ck_assert_uint_eq(console_read(&fixture.console, text, 1), 1);
	ck_assert_uint_eq(console_read(&fixture.console, text + 1, 16), 3);
	ck_assert_str_eq(text, "a\1xb");
	console_write(&fixture.console, "hello", 5);
	ck_assert_int_eq(read(output, text, sizeof(text)), 5);
	ck_assert_mem_eq(text, "hello", 5);
	/* What the shell shares must not change. */
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
	ck_assert(!fixture.capture.log.raw_tty);
	ck_assert_str_eq(capture_take(&fixture.capture), "");
	fixture_exit(&fixture);
}
END_TEST

static void *stop_later(void *loop)
{
	usleep(50000);
	loop_stop(loop);
	return NULL;
}

#define MUCH (300 * KIB)	/* more than a pipe holds */

static bool readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

/* A line is one write, whatever pieces it came in; a full buffer does not wait for its end. */
START_TEST(test_gathering)
{
	struct fixture fixture;
	char text[512], much[CONSOLE_LINE_SIZE + 10];
	int input, output;

	use_pipes(&input, &output);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	console_put(&fixture.console, "a", 1);
	console_put(&fixture.console, "bc", 2);
	ck_assert(!readable(output));
	console_put(&fixture.console, "d\ne", 3);
	ck_assert_int_eq(read(output, text, sizeof(text)), 6);
	ck_assert_mem_eq(text, "abcd\ne", 6);
	memset(much, 'x', sizeof(much));
	console_put(&fixture.console, much, sizeof(much));
	ck_assert_int_eq(read(output, text, sizeof(text)), CONSOLE_LINE_SIZE);
	ck_assert(!readable(output));
	console_flush(&fixture.console);
	ck_assert_int_eq(read(output, text, sizeof(text)), 10);
	console_flush(&fixture.console);
	ck_assert(!readable(output));
	/* The last words come out, too. */
	console_put(&fixture.console, "end", 3);
	fixture_exit(&fixture);
	ck_assert_int_eq(read(output, text, sizeof(text)), 3);
}
END_TEST

/* A prompt comes without a line's end, more than once. */
START_TEST(test_gathering_ends)
{
	struct fixture fixture;
	char text[16];
	pthread_t thread;
	int input, output;

	use_pipes(&input, &output);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	for (int i = 0; i < 2; i++) {
		console_put(&fixture.console, "login: ", 7);
		ck_assert(!readable(output));
		ck_assert_int_eq(pthread_create(&thread, NULL, stop_later, &fixture.loop), 0);
		ck_assert_int_eq(loop_run(&fixture.loop), 0);
		pthread_join(thread, NULL);
		ck_assert_int_eq(read(output, text, sizeof(text)), 7);
	}
	fixture_exit(&fixture);
}
END_TEST

/* A reader that is slow does not hold up the main thread, and misses nothing. */
START_TEST(test_gathering_waits)
{
	struct fixture fixture;
	char *much = calloc(1, MUCH);
	char text[16];
	pthread_t thread;
	int input, output;
	ssize_t filled;

	use_pipes(&input, &output);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	filled = write(fixture.console.out_fd, much, MUCH);
	ck_assert_int_gt(filled, 0);
	console_put(&fixture.console, "login: ", 7);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_later, &fixture.loop), 0);
	ck_assert_int_eq(loop_run(&fixture.loop), 0);
	pthread_join(thread, NULL);
	while (filled > 0)
		filled -= read(output, much, (size_t)filled);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_later, &fixture.loop), 0);
	ck_assert_int_eq(loop_run(&fixture.loop), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(read(output, text, sizeof(text)), 7);
	fixture_exit(&fixture);
	free(much);
}
END_TEST

/* The end of input stops the reading, and does not keep the loop busy. */
START_TEST(test_end_of_input)
{
	struct fixture fixture;
	pthread_t thread;
	clock_t before;
	int input, output;

	use_pipes(&input, &output);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	close(input);
	before = clock();
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_later, &fixture.loop), 0);
	ck_assert_int_eq(loop_run(&fixture.loop), 0);
	pthread_join(thread, NULL);
	ck_assert_int_lt(clock() - before, CLOCKS_PER_SEC / 40);
	ck_assert(!fixture.console.watched);
	fixture_exit(&fixture);
}
END_TEST

START_TEST(test_null_input)
{
	struct fixture fixture;
	pthread_t thread;

	use_file(STDIN_FILENO, "/dev/null", O_RDONLY);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_later, &fixture.loop), 0);
	ck_assert_int_eq(loop_run(&fixture.loop), 0);
	pthread_join(thread, NULL);
	ck_assert(!fixture.console.watched);
	fixture_exit(&fixture);
}
END_TEST

START_TEST(test_closed_stdio)
{
	struct fixture fixture;

	fflush(stdout);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	console_write(&fixture.console, "x", 1);
	fixture_exit(&fixture);
}
END_TEST

/* Reads @size bytes through the ring, in pieces, and checks that they count up. */
static void expect_counting(struct fixture *fixture, size_t size)
{
	size_t total = 0;

	while (total < size) {
		uint8_t piece[1000];
		size_t count = console_read(&fixture->console, piece, sizeof(piece));

		for (size_t i = 0; i < count; i++)
			ck_assert_uint_eq(piece[i], (uint8_t)((total + i) % 251));
		total += count;
		ck_assert_uint_le(fixture->console.count, CONSOLE_INPUT_SIZE);
		if (!count)
			ck_assert_int_eq(loop_run(&fixture->loop), 0);
	}
	ck_assert_uint_eq(total, size);
}

static uint8_t *counting_bytes(size_t size)
{
	uint8_t *data = malloc(size);

	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i % 251);
	return data;
}

/* More than the ring holds, from what epoll can watch and from what it cannot. */
START_TEST(test_much_input)
{
	struct fixture fixture;
	uint8_t *data = counting_bytes(50000);
	char path[32] = "";
	int input = -1, output;

	if (_i) {
		temporary_file(path, data, 50000);
		use_file(STDIN_FILENO, path, O_RDONLY);
	} else {
		use_pipes(&input, &output);
		ck_assert_int_eq(write(input, data, 50000), 50000);
	}
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	ck_assert_int_eq(loop_run(&fixture.loop), 0);
	ck_assert(fixture.console.stalled && !fixture.console.watched);
	expect_counting(&fixture, 50000);
	fixture_exit(&fixture);
	free(data);
	unlink(path);
}
END_TEST

START_TEST(test_reader_gone)
{
	struct fixture fixture;
	int input, output;

	use_pipes(&input, &output);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	close(output);
	for (int i = 0; i < 10; i++)
		console_write(&fixture.console, "hello", 5);
	capture_expect(&fixture.capture, "warning: console output is lost: Broken pipe");
	fixture_exit(&fixture);
}
END_TEST

START_TEST(test_disk_full)
{
	struct fixture fixture;

	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_FILE, (char[]){ "/dev/full" }), 0);
	for (int i = 0; i < 10; i++)
		console_write(&fixture.console, "hello", 5);
	capture_expect(&fixture.capture, "console output is lost: No space left on device");
	fixture_exit(&fixture);
}
END_TEST


static void *write_much(void *argument)
{
	uint8_t *data = counting_bytes(MUCH);

	console_write(argument, data, MUCH);
	free(data);
	return NULL;
}

/* All arrives, although it is far more than a pipe holds. */
START_TEST(test_slow_reader)
{
	struct fixture fixture;
	pthread_t thread;
	int input, output;
	size_t total = 0;

	use_pipes(&input, &output);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_much, &fixture.console), 0);
	while (total < MUCH) {
		uint8_t piece[5000];
		ssize_t count;

		usleep(500);
		count = read(output, piece, sizeof(piece));
		ck_assert_int_gt(count, 0);
		for (ssize_t i = 0; i < count; i++)
			ck_assert_uint_eq(piece[i], (uint8_t)((total + (size_t)i) % 251));
		total += (size_t)count;
	}
	pthread_join(thread, NULL);
	fixture_exit(&fixture);
}
END_TEST

/* A write that waits for nobody in particular comes back when it is told to. */
START_TEST(test_set_wait)
{
	struct fixture fixture;
	pthread_t thread;
	int input, output;
	uint8_t byte;

	use_pipes(&input, &output);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_much, &fixture.console), 0);
	usleep(50000);
	console_set_wait(&fixture.console, false);
	console_set_wait(&fixture.console, false);
	pthread_join(thread, NULL);
	write_much(&fixture.console);
	/* As before, once waiting is allowed. */
	console_set_wait(&fixture.console, true);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_much, &fixture.console), 0);
	for (size_t i = 0; i < MUCH; i++)
		ck_assert_int_eq(read(output, &byte, 1), 1);
	console_set_wait(&fixture.console, false);
	pthread_join(thread, NULL);
	ck_assert_str_eq(capture_take(&fixture.capture), "");
	fixture_exit(&fixture);
}
END_TEST

/* Nor does a socket, which cannot be opened once more, keep the guest from being stopped. */
START_TEST(test_set_wait_socket)
{
	struct fixture fixture;
	pthread_t thread;
	int sockets[2];
	uint8_t byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	ck_assert_int_eq(dup2(sockets[1], STDOUT_FILENO), STDOUT_FILENO);
	close(sockets[1]);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_STDIO, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_much, &fixture.console), 0);
	usleep(50000);
	console_set_wait(&fixture.console, false);
	pthread_join(thread, NULL);
	write_much(&fixture.console);
	console_set_wait(&fixture.console, true);
	/* All of it arrives when there is a reader. */
	while (recv(sockets[0], &byte, 1, MSG_DONTWAIT) == 1)
		;
	ck_assert_int_eq(pthread_create(&thread, NULL, write_much, &fixture.console), 0);
	for (size_t i = 0; i < MUCH; i++) {
		ck_assert_int_eq(read(sockets[0], &byte, 1), 1);
		ck_assert_uint_eq(byte, (uint8_t)(i % 251));
	}
	pthread_join(thread, NULL);
	close(sockets[0]);
	fixture_exit(&fixture);
}
END_TEST

START_TEST(test_file)
{
	struct fixture fixture;
	struct stat stat_buffer;
	char path[32], text[16] = "";

	temporary_file(path, "what was there before", 21);
	unlink(path);
	umask(022);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_FILE, path), 0);
	console_write(&fixture.console, "old", 3);
	fixture_exit(&fixture);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_FILE, path), 0);
	console_write(&fixture.console, "hi", 2);
	ck_assert_uint_eq(console_read(&fixture.console, text, sizeof(text)), 0);
	fixture_exit(&fixture);
	ck_assert_int_eq(stat(path, &stat_buffer), 0);
	ck_assert_uint_eq(stat_buffer.st_mode & 0777, 0644);
	ck_assert_int_eq(stat_buffer.st_size, 2);
	unlink(path);
}
END_TEST

START_TEST(test_file_errors)
{
	struct fixture fixture;
	char fifo[32];

	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_FILE, (char[]){ "/nonexistent/log" }),
			 -ENOENT);
	capture_expect(&fixture.capture, "--console file:/nonexistent/log: No such file");
	temporary_file(fifo, "", 0);
	unlink(fifo);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_FILE, fifo), -ENXIO);
	capture_expect(&fixture.capture, "give a file that can be written");
	unlink(fifo);
}
END_TEST

START_TEST(test_none)
{
	struct fixture fixture;
	char byte;

	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_NONE, NULL), 0);
	console_write(&fixture.console, "x", 1);
	ck_assert_uint_eq(console_read(&fixture.console, &byte, 1), 0);
	ck_assert_str_eq(capture_take(&fixture.capture), "");
	fixture_exit(&fixture);
}
END_TEST

/* Opens the pty that the log names. */
static int open_named_pty(struct fixture *fixture)
{
	char name[64];
	int fd;

	ck_assert_int_eq(sscanf(capture_take(&fixture->capture), "pvmm: console is %63s\n", name),
			 1);
	fd = open(name, O_RDWR | O_NOCTTY);
	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(test_pty)
{
	struct fixture fixture;
	char text[16] = "";
	int fd;

	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_PTY, NULL), 0);
	fd = open_named_pty(&fixture);
	console_write(&fixture.console, "out\n", 4);
	ck_assert_int_eq(read(fd, text, sizeof(text)), 4);
	ck_assert_mem_eq(text, "out\n", 4);
	/* Raw: no echo, no signals, and pvmm's own keys are the guest's here. */
	ck_assert_int_eq(write(fd, "\3\1x\r", 4), 4);
	ck_assert_int_eq(loop_run(&fixture.loop), 0);
	ck_assert_uint_eq(console_read(&fixture.console, text, sizeof(text)), 4);
	ck_assert_mem_eq(text, "\3\1x\r", 4);
	close(fd);
	fixture_exit(&fixture);
}
END_TEST

/* Nobody reads; somebody comes, and goes. The guest is never held up for long. */
START_TEST(test_pty_without_reader)
{
	struct fixture fixture;
	struct pollfd poll_fd = { .events = POLLIN };
	double start = seconds();
	char text[4096], byte;

	ck_assert_int_eq(fixture_init(&fixture, CONSOLE_PTY, NULL), 0);
	poll_fd.fd = open_named_pty(&fixture);
	for (int i = 0; i < 5000; i++)
		console_write(&fixture.console, "0123456789012345678901234567890123456789", 40);
	ck_assert(seconds() - start < 2);
	while (poll(&poll_fd, 1, 50) > 0)
		ck_assert_int_gt(read(poll_fd.fd, text, sizeof(text)), 0);
	console_write(&fixture.console, "new", 3);
	ck_assert_int_eq(read(poll_fd.fd, text, sizeof(text)), 3);
	ck_assert_mem_eq(text, "new", 3);
	close(poll_fd.fd);
	console_write(&fixture.console, "x", 1);
	ck_assert_uint_eq(console_read(&fixture.console, &byte, 1), 0);
	ck_assert_str_eq(capture_take(&fixture.capture), "");
	fixture_exit(&fixture);
}
END_TEST

/* A session on a terminal: its leader (the shell's part) and the process with the console. */
struct session {
	int master;
	pid_t leader, guest;
	struct termios before;
};

/* Shows what the guest read between < and >. */
static void show_input(void *owner)
{
	struct fixture *fixture = owner;
	char text[64] = "<";
	size_t count = console_read(&fixture->console, text + 1, sizeof(text) - 2);

	text[count + 1] = '>';
	console_write(&fixture->console, text, count + 2);
}

static void quit(void *owner)
{
	struct fixture *fixture = owner;

	loop_stop(&fixture->loop);
}

static void __attribute__((noreturn)) run_guest(void)
{
	struct fixture fixture = { .capture.log.fd = STDERR_FILENO };

	/* Check's handler would end the whole test; nor may this outlive a failed one. */
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (loop_init(&fixture.loop) ||
	    console_init(&fixture.console, &fixture.config, &fixture.loop, &fixture.capture.log))
		_exit(2);
	fixture.console.on_input = show_input;
	fixture.console.on_quit = quit;
	fixture.console.owner = &fixture;
	fixture.console.quit_owner = &fixture;
	console_write(&fixture.console, "ready\n", 6);
	loop_run(&fixture.loop);
	console_exit(&fixture.console);
	_exit(0);
}

/* Tells the test the guest's pid, then lives until it is killed, as a shell does. */
static void __attribute__((noreturn)) run_leader(int report, bool background)
{
	pid_t guest = fork();

	if (guest == 0) {
		if (background)
			setpgid(0, 0);
		run_guest();
	}
	if (write(report, &guest, sizeof(guest)) != sizeof(guest))
		_exit(1);
	waitpid(guest, NULL, 0);
	if (write(report, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* @report becomes readable again when the guest is gone. */
static struct session session_start(bool background, int *report)
{
	struct session session;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	session.leader = forkpty(&session.master, NULL, NULL, NULL);
	ck_assert_int_ge(session.leader, 0);
	if (session.leader == 0) {
		/* Not before the test has seen the terminal as it was. */
		char byte;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* nohup, and shells for background jobs, have these ignored. */
		signal(SIGHUP, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		if (read(STDIN_FILENO, &byte, 1) != 1)
			_exit(1);
		run_leader(fds[1], background);
	}
	close(fds[1]);
	ck_assert_int_eq(tcgetattr(session.master, &session.before), 0);
	ck_assert(session.before.c_lflag & ECHO);
	ck_assert_int_eq(write(session.master, "\n", 1), 1);
	ck_assert_int_eq(read(fds[0], &session.guest, sizeof(session.guest)),
			 sizeof(session.guest));
	*report = fds[0];
	return session;
}

/* Reads what the terminal shows until @part is there. */
static void session_expect(struct session *session, const char *part)
{
	struct pollfd fd = { .fd = session->master, .events = POLLIN };
	char text[1024];
	size_t size = 0;

	text[0] = '\0';
	while (!strstr(text, part)) {
		ssize_t count;

		ck_assert_msg(poll(&fd, 1, 5000) > 0, "no %s in \"%s\"", part, text);
		count = read(session->master, text + size, sizeof(text) - 1 - size);
		ck_assert_int_gt(count, 0);
		size += (size_t)count;
		text[size] = '\0';
	}
}

static void session_type(struct session *session, const char *keys, const char *shown)
{
	ck_assert_int_eq(write(session->master, keys, strlen(keys)), (ssize_t)strlen(keys));
	session_expect(session, shown);
}

static void expect_mode(struct session *session, const struct termios *mode)
{
	struct termios now;

	/* The watcher takes a moment. */
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(tcgetattr(session->master, &now), 0);
		if (now.c_lflag == mode->c_lflag && now.c_iflag == mode->c_iflag &&
		    now.c_oflag == mode->c_oflag)
			return;
		usleep(10000);
	}
	ck_abort_msg("the terminal is not restored");
}

static void session_end(struct session *session, int report)
{
	char byte;

	ck_assert_int_eq(read(report, &byte, 1), 1);
	expect_mode(session, &session->before);
	kill(session->leader, SIGKILL);
	waitpid(session->leader, NULL, 0);
	close(session->master);
	close(report);
}

START_TEST(test_terminal_keys)
{
	int report;
	struct session session = session_start(false, &report);
	struct termios mode;

	session_expect(&session, "ready\n");
	ck_assert_int_eq(tcgetattr(session.master, &mode), 0);
	ck_assert(!(mode.c_lflag & (ECHO | ICANON | ISIG)));
	session_type(&session, "ab", "<ab>");
	session_type(&session, "\3\32\34", "<\3\32\34>");	/* Ctrl-C, Ctrl-Z, Ctrl-\ */
	session_type(&session, "\1h", "pvmm: Ctrl-A x stops the guest, Ctrl-A a sends Ctrl-A, "
		     "Ctrl-A h shows this\r\n");
	session_type(&session, "\1a", "<\1>");
	session_type(&session, "\1\1", "<\1>");
	session_type(&session, "\1q", "<\1q>");
	session_type(&session, "x", "<x>");
	/* The two keys one by one. */
	ck_assert_int_eq(write(session.master, "\1", 1), 1);
	usleep(20000);
	ck_assert_int_eq(write(session.master, "x", 1), 1);
	session_end(&session, report);
}
END_TEST

static const int deadly_signals[] = { SIGKILL, SIGTERM, SIGQUIT, SIGHUP };

START_TEST(test_terminal_restored)
{
	int report;
	struct session session = session_start(false, &report);

	session_expect(&session, "ready\n");
	ck_assert_int_eq(kill(session.guest, deadly_signals[_i]), 0);
	session_end(&session, report);
}
END_TEST

START_TEST(test_background_job)
{
	int report;
	struct session session = session_start(true, &report);
	struct termios mode;

	session_expect(&session, "warning: the terminal belongs to another job: no console "
		       "input; run pvmm in the foreground for it\r\nready");
	ck_assert_int_eq(tcgetattr(session.master, &mode), 0);
	ck_assert_uint_eq(mode.c_lflag, session.before.c_lflag);
	ck_assert_int_eq(kill(session.guest, SIGTERM), 0);
	session_end(&session, report);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("console");
	TCase *tests = tcase_create("console");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_pipes);
	tcase_add_test(tests, test_gathering);
	tcase_add_test(tests, test_gathering_ends);
	tcase_add_test(tests, test_gathering_waits);
	tcase_add_test(tests, test_end_of_input);
	tcase_add_test(tests, test_null_input);
	tcase_add_test(tests, test_closed_stdio);
	tcase_add_loop_test(tests, test_much_input, 0, 2);
	tcase_add_test(tests, test_reader_gone);
	tcase_add_test(tests, test_disk_full);
	tcase_add_test(tests, test_slow_reader);
	tcase_add_test(tests, test_set_wait);
	tcase_add_test(tests, test_set_wait_socket);
	tcase_add_test(tests, test_file);
	tcase_add_test(tests, test_file_errors);
	tcase_add_test(tests, test_none);
	tcase_add_test(tests, test_pty);
	tcase_add_test(tests, test_pty_without_reader);
	tcase_add_test(tests, test_terminal_keys);
	tcase_add_loop_test(tests, test_terminal_restored, 0, ARRAY_SIZE(deadly_signals));
	tcase_add_test(tests, test_background_job);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
