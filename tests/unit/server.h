/*
 * tests/unit/server.h -- a service on a port of the loopback interface, one
 * thread a connection, which behaves as the path of each request says:
 *
 *   /status/N/KEY        answers N; /status/N/KEY?retry=V with Retry-After: V
 *   /first/N/KEY         N the first time for that KEY, 200 from then on
 *   /slow/MS/KEY         200 after so long
 *   /reset/KEY           reads the request and closes without an answer
 *   /reset-second/KEY    the same, but only on a connection that had an answer before; else 200
 *   /reset-head/KEY      closes after the answer's status line
 *   /half/KEY            announces 100 bytes, sends 5 and closes
 *   /garbled/KEY         answers what is no HTTP
 *   /big/N/KEY           200 with a body of N bytes
 *   /long-header/KEY     200 with a header of 200 KiB
 *   /http10/KEY          200 by HTTP/1.0, closing
 *   /close/KEY           200, and closes the connection behind it without having said so
 *   /credentials/S/KEY   200 with credentials AKID1, AKID2 ... that expire in S seconds; 401 without Authorization
 *   /echo/KEY            200 with the request, header and body, as the body
 *
 * It counts the requests it read whole by KEY, a number below SERVER_KEYS, and
 * how many were under way at most.
 */
#ifndef VF_TESTS_UNIT_SERVER_H
#define VF_TESTS_UNIT_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SERVER_KEYS 4096

static struct {
	int listener, port;
	atomic_int got[SERVER_KEYS], connections, under_way, under_way_max;
	_Atomic uint64_t first_ns[SERVER_KEYS], last_ns[SERVER_KEYS];
} server;

static uint64_t
server_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool
server_put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static bool
server_answer(int fd, int status, const char *more, const char *body, size_t n)
{
	char head[512];
	int k = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n", status, n, more);

	return server_put(fd, head, (size_t)k) && server_put(fd, body, n);
}

/* One request, whole: its size, 0 at the end of the connection. */
static size_t
server_read(int fd, char *p, size_t size)
{
	size_t n = 0;

	for (;;) {
		char *end, *length;
		ssize_t k;

		p[n] = '\0';
		end = strstr(p, "\r\n\r\n");
		if (end != NULL) {
			length = strcasestr(p, "\r\nContent-Length:");
			size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;

			if (n >= (size_t)(end + 4 - p) + body)
				return n;
		}
		if (n + 1 >= size || (k = recv(fd, p + n, size - 1 - n, 0)) <= 0)
			return 0;
		n += (size_t)k;
	}
}

static bool
server_credentials(int fd, const char *request, unsigned long seconds, int nth)
{
	time_t end = time(NULL) + (time_t)seconds;
	char date[32], body[256];
	struct tm tm;
	int n;

	if (strstr(request, "\r\nAuthorization: Bearer one\r\n") == NULL)
		return server_answer(fd, 401, "", "{}", 2);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&end, &tm));
	n = snprintf(body, sizeof body, "{\"AccessKeyId\":\"AKID%d\",\"SecretAccessKey\":\"hush%d\",\"Token\":\"tok%d\",\"Expiration\":\"%s\"}",
		nth, nth, nth, date);
	return server_answer(fd, 200, "", body, (size_t)n);
}

/* False: the connection ends. */
static bool
server_behave(int fd, char *request, size_t n, int nth)
{
	char *path = strchr(request, ' ') + 1, what[32] = "", more[256] = "", *retry;
	unsigned long number = 0, key = 0;
	size_t size;
	char *body;
	bool rc = true;

	if (sscanf(path, "/%31[a-z0-9-]/%lu/%lu", what, &number, &key) == 2)
		key = number;
	if (key >= SERVER_KEYS)
		key = 0;
	if (server.first_ns[key] == 0)
		server.first_ns[key] = server_now();
	server.last_ns[key] = server_now();
	nth = strcmp(what, "first") == 0 ? server.got[key] : nth;
	server.got[key]++;
	retry = strstr(path, "?retry=");
	if (retry != NULL)
		snprintf(more, sizeof more, "Retry-After: %.*s\r\n", (int)strcspn(retry + 7, " \r\n"), retry + 7);
	if (strcmp(what, "status") == 0)
		return server_answer(fd, (int)number, more, "{}", 2);
	if (strcmp(what, "first") == 0)
		return server_answer(fd, nth == 0 ? (int)number : 200, nth == 0 ? more : "", "{}", 2);
	if (strcmp(what, "slow") == 0)
		usleep((useconds_t)number * 1000);
	if (strcmp(what, "reset") == 0 || (strcmp(what, "reset-second") == 0 && nth > 0))
		return false;
	if (strcmp(what, "reset-head") == 0)
		return server_put(fd, "HTTP/1.1 200 X\r\n", 16) && false;
	if (strcmp(what, "half") == 0)
		return server_put(fd, "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhello", 44) && false;
	if (strcmp(what, "garbled") == 0)
		return server_put(fd, "SSH-2.0-OpenSSH_9.2\r\n", 21) && false;
	if (strcmp(what, "http10") == 0)
		return server_put(fd, "HTTP/1.0 200 OK\r\n\r\nold", 22) && false;
	if (strcmp(what, "credentials") == 0)
		return server_credentials(fd, request, number, server.got[key]);
	if (strcmp(what, "echo") == 0)
		return server_answer(fd, 200, "", request, n);
	size = strcmp(what, "big") == 0 ? number : strcmp(what, "long-header") == 0 ? 200000 : 2;
	body = malloc(size + 1);
	memset(body, 'x', size);
	if (strcmp(what, "long-header") == 0)
		rc = server_put(fd, "HTTP/1.1 200 X\r\nX: ", 19) && server_put(fd, body, size) && false;
	else
		rc = server_answer(fd, 200, "", body, size) && strcmp(what, "close") != 0;
	free(body);
	return rc;
}

static void *
server_connection(void *arg)
{
	int fd = (int)(intptr_t)arg, one = 1;
	static const size_t size = (size_t)256 << 10;
	char *request = malloc(size);
	size_t n;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	server.connections++;
	for (int nth = 0; (n = server_read(fd, request, size)) > 0; nth++) {
		int now = ++server.under_way;
		bool more;

		for (int max = server.under_way_max; now > max &&
			!atomic_compare_exchange_weak(&server.under_way_max, &max, now);)
			;
		more = server_behave(fd, request, n, nth);
		server.under_way--;
		if (!more)
			break;
	}
	free(request);
	close(fd);
	return NULL;
}

static void *
server_loop(void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	(void)arg;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (;;) {
		int fd = accept(server.listener, NULL, NULL);

		if (fd < 0 || pthread_create(&thread, &attr, server_connection, (void *)(intptr_t)fd) != 0)
			return NULL;
	}
}

/* Also a port where nobody listens: *closed. */
static bool
server_start(int *closed)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	pthread_t thread;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return false;
	*closed = ntohs(a.sin_port);		/* bound, not listening: it stays closed as long as we live */
	server.listener = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_port = 0;
	if (bind(server.listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(server.listener, 512) < 0 ||
		getsockname(server.listener, (struct sockaddr *)&a, &n) < 0)
		return false;
	server.port = ntohs(a.sin_port);
	return pthread_create(&thread, NULL, server_loop, NULL) == 0;
}

#endif
