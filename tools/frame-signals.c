/* frame-signals.c -- those that ask us to end: remembered, looked at between records, and died of at last. */
#include <signal.h>
#include <sys/time.h>

#include "frame-impl.h"

static volatile sig_atomic_t got_signal;

/*
 * A signal that lands between the look at the flag and a blocking call would
 * be slept through: the timer interrupts that call a moment later.
 */
static void
on_signal(int sig)
{
	struct itimerval again = { { 0, 50000 }, { 0, 50000 } };

	if (got_signal == 0)
		got_signal = sig;
	setitimer(ITIMER_REAL, &again, NULL);
}

static void
on_alarm(int sig)
{
	(void)sig;
}

void
vf_signals_catch(void)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal }, old;

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof sigs / sizeof sigs[0]; i++)
		if (sigaction(sigs[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(sigs[i], &sa, NULL);
	sa.sa_handler = on_alarm;
	sigaction(SIGALRM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
	vf_file_stop_on(&got_signal);
}

int
vf_signal_caught(void)
{
	return got_signal;
}

void
vf_signal_die(int sig)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
}
