/*
 * kinesis-sink -- answers PutRecords as a stream without limits would: as many
 * results as the request has records, none failed. Keeps nothing.
 *
 * Usage: kinesis-sink PORT-FILE [CPU]: listens on a free port of the loopback interface, writes its number to
 * PORT-FILE, and serves until SIGTERM; then prints how many requests and records there were.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX ((size_t)8 << 20)
#define RESULTS_MAX 500
#define FDS 1024

static const char result[] = "{\"SequenceNumber\":\"49590338271490256608559692538361571095921575989136588898\",\"ShardId\":\"shardId-000000000000\"}";
static const char member[] = "\"PartitionKey\":";

struct peer {
	char *p;
	size_t n, size;
};

static struct peer peers[FDS];
static char answer[RESULTS_MAX * (sizeof result + 1) + 256];
static unsigned long requests, records;
static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	stop = sig;
}

static int
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* The text cannot hold the member's name with its quotes but as that member: data are in base64, quotes of keys escaped. */
static unsigned
count_records(const char *p, size_t n)
{
	const char *end = p + n;
	unsigned count = 0;

	while ((p = memmem(p, (size_t)(end - p), member, sizeof member - 1)) != NULL) {
		p += sizeof member - 1;
		count++;
	}
	return count;
}

static int
reply(int fd, const char *body, size_t n)
{
	unsigned count = count_records(body, n);
	size_t at = 0;
	char head[160];
	int k;

	if (count < 1 || count > RESULTS_MAX)
		return send_all(fd, "HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n", 37);
	at = (size_t)sprintf(answer, "{\"EncryptionType\":\"NONE\",\"FailedRecordCount\":0,\"Records\":[");
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			answer[at++] = ',';
		memcpy(answer + at, result, sizeof result - 1);
		at += sizeof result - 1;
	}
	memcpy(answer + at, "]}", 2);
	at += 2;
	requests++;
	records += count;
	k = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %zu\r\n\r\n", at);
	return send_all(fd, head, (size_t)k) < 0 ? -1 : send_all(fd, answer, at);
}

/* Takes what is there and answers what is whole. -1: the connection is done with. */
static int
serve(int fd, struct peer *c)
{
	ssize_t k;

	if (c->size - c->n < 65536) {
		char *p = c->size < REQUEST_MAX ? realloc(c->p, c->size == 0 ? 262144 : 2 * c->size) : NULL;

		if (p == NULL)
			return -1;
		c->p = p;
		c->size = c->size == 0 ? 262144 : 2 * c->size;
	}
	k = recv(fd, c->p + c->n, c->size - c->n - 1, 0);
	if (k <= 0)
		return -1;
	c->n += (size_t)k;
	for (;;) {
		char *end, *length;
		size_t head, body;

		c->p[c->n] = '\0';
		end = memmem(c->p, c->n, "\r\n\r\n", 4);
		if (end == NULL)
			return c->n < 16384 ? 0 : -1;
		length = strcasestr(c->p, "\r\nContent-Length:");
		if (length == NULL || length > end)
			return -1;
		head = (size_t)(end + 4 - c->p);
		body = strtoul(length + 17, NULL, 10);
		if (body > REQUEST_MAX)
			return -1;
		if (c->n - head < body)
			return 0;
		if (reply(fd, c->p + head, body) < 0)
			return -1;
		c->n -= head + body;
		memmove(c->p, c->p + head + body, c->n);
	}
}

static int
listen_and_tell(const char *name)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char made[4096];
	FILE *f;

	snprintf(made, sizeof made, "%s.new", name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 128) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &size) < 0 || (f = fopen(made, "w")) == NULL)
		return -1;
	fprintf(f, "%d\n", ntohs(at.sin_port));
	return fclose(f) == 0 && rename(made, name) == 0 ? fd : -1;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[64], event = { .events = EPOLLIN };
	struct sigaction action = { .sa_handler = on_signal };
	int listener, ep = epoll_create1(EPOLL_CLOEXEC), one = 1;

	if (argc < 2 || argc > 3)
		return 2;
	if (argc == 3) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET((size_t)atoi(argv[2]), &set);
		if (sched_setaffinity(0, sizeof set, &set) < 0)
			return 1;
	}
	sigaction(SIGTERM, &action, NULL);
	listener = listen_and_tell(argv[1]);
	event.data.fd = listener;
	if (listener < 0 || ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listener, &event) < 0)
		return 1;
	while (!stop) {
		int n = epoll_wait(ep, events, 64, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == listener) {
				fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
				if (fd < 0)
					continue;
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				event.data.fd = fd;
				if (fd >= FDS || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) < 0)
					close(fd);
			} else if (serve(fd, &peers[fd]) < 0) {
				close(fd);
				free(peers[fd].p);
				peers[fd] = (struct peer){ 0 };
			}
		}
	}
	printf("%lu requests %lu records\n", requests, records);
	return 0;
}
