/* test-tally.c -- stats lines in, verdict out: what is a line, which counts, and what adds up. */
#include "fan/tally.h"
#include "tap.h"

static struct vf_error err;
static uint64_t lines;

/* A line of `members` (without braces). */
static int
take(struct vf_tally *t, const char *members, const char *run)
{
	struct vf_buf b = { 0 };
	int rc;

	vf_buf_addf(&b, "{%s}", members);
	rc = vf_tally_add(t, vf_buf_slice(&b), run, "st", ++lines, &err);
	vf_buf_free(&b);
	return rc;
}

/* A line of one tool; more: members with a comma before. */
static void
step(struct vf_tally *t, const char *tool, unsigned in, unsigned out, unsigned rejected, const char *more)
{
	struct vf_buf b = { 0 };

	vf_buf_addf(&b, "\"tool\":\"%s\",\"in\":%u,\"out\":%u,\"rejected\":%u,\"exit\":0,\"reasons\":{\"x\":%u}%s", tool, in,
		out, rejected, rejected, more);
	if (vf_buf_terminate(&b) < 0 || take(t, b.p, NULL) < 0)
		ok(false, "a line is taken: %s", err.text);
	vf_buf_free(&b);
}

static void
refuse(const char *members, const char *cause)
{
	struct vf_tally t = { 0 };
	int rc = take(&t, members, NULL);

	ok(rc < 0 && err.kind == VF_ERR_CONFIG && strstr(err.text, cause) != NULL && strncmp(err.text, "st:", 3) == 0 &&
		t.nsteps == 0, "refused by file and line: %s", cause);
	if (rc == 0 || strstr(err.text, cause) == NULL)
		printf("# %s\n", rc == 0 ? "it was taken" : err.text);
	vf_tally_clear(&t);
}

static void
test_lines(void)
{
	struct vf_tally t = { 0 };

	ok(take(&t, "\"tool\":\"vf-x\",\"run\":null,\"in\":3,\"out\":1,\"rejected\":2,\"exit\":0,\"reasons\":{\"a\":1,\"b\":1},"
		"\"input\":[\"p/q\",\"r\"],\"seconds\":1.5,\"more\":[{}]", NULL) == 0 && t.nsteps == 1, "a line is taken");
	ok(t.steps[0].in == 3 && t.steps[0].out == 1 && t.steps[0].rejected == 2 && t.steps[0].reasoned == 2 &&
		t.steps[0].ninputs == 2 && strcmp(t.steps[0].first_input, "p/q") == 0 && t.steps[0].run[0] == '\0' &&
		t.steps[0].line == lines, "its counts, inputs and place; null is no run");
	ok(take(&t, "\"tool\":\"vf-tally\",\"in\":1,\"out\":1,\"rejected\":0,\"exit\":0", NULL) == 0 && t.nsteps == 1,
		"a line of vf-tally itself is left out");
	ok(take(&t, "\"tool\":\"vf-x\",\"run\":\"r2\",\"in\":1,\"out\":1,\"rejected\":0,\"exit\":0", "r1") == 0 &&
		t.nsteps == 1, "so is one of another run than the wanted");
	ok(take(&t, "\"tool\":\"vf-x\",\"run\":\"r1\",\"in\":1,\"out\":1,\"rejected\":0,\"exit\":0", "r1") == 0 &&
		t.nsteps == 2, "one of the wanted run is not");
	vf_tally_clear(&t);
	ok(t.nsteps == 0 && t.steps == NULL, "cleared");
	refuse("\"tool\":\"vf-x\",\"in\":1,\"out", "no stats line, or a torn one");
	refuse("\"in\":1,\"out\":1,\"rejected\":0,\"exit\":0", "$.tool: missing");
	refuse("\"tool\":\"vf-x\",\"in\":1,\"out\":1,\"rejected\":0", "$.exit: missing");
	refuse("\"tool\":\"vf-x\",\"in\":-1,\"out\":1,\"rejected\":0,\"exit\":0", "$.in");
	refuse("\"tool\":\"vf-x\",\"in\":1.0,\"out\":1,\"rejected\":0,\"exit\":0", "$.in");
	refuse("\"tool\":\"vf-x\",\"in\":1125899906842625,\"out\":1,\"rejected\":0,\"exit\":0", "$.in: too big for a count");
	refuse("\"tool\":\"vf-x\",\"in\":1,\"out\":1,\"rejected\":0,\"exit\":0,"
		"\"reasons\":{\"a\":1125899906842624,\"b\":1}", "$.reasons.b: too big for a count");
	refuse("\"tool\":\"vf-x\",\"in\":1,\"out\":1,\"rejected\":0,\"exit\":0,\"input\":\"st\"", "$.input");
}

/* What vf_tally_step_ok() says of counts: `ok`, or the cause. */
static void
judge(struct vf_tally_step s, const char *want)
{
	struct vf_buf cause = { 0 };
	bool good = vf_tally_step_ok(&s, &cause);

	ok(good == (*want == '\0') && good == vf_tally_step_ok(&s, NULL) && vf_slice_is(vf_buf_slice(&cause), want), "%s: %s",
		s.tool, *want == '\0' ? "it adds up" : want);
	vf_buf_free(&cause);
}

static void
test_steps(void)
{
	static char x[] = "vf-x", codegen[] = "vf-codegen";

	judge((struct vf_tally_step){ .tool = x }, "");
	judge((struct vf_tally_step){ .tool = x, .in = 10, .out = 1, .rejected = 2, .reasoned = 2, .unselected = 3,
		.deferred = 4 }, "");
	judge((struct vf_tally_step){ .tool = x, .in = 10, .out = 1, .rejected = 2, .reasoned = 2, .unselected = 3,
		.deferred = 3 }, "10 in, but 1 out + 2 rejected + 6 held = 9");
	judge((struct vf_tally_step){ .tool = x, .out = 1 }, "0 in, but 1 out + 0 rejected + 0 held = 1");
	judge((struct vf_tally_step){ .tool = x, .in = 3, .out = 1, .rejected = 2, .reasoned = 3 },
		"2 rejected, but the reasons make 3");
	judge((struct vf_tally_step){ .tool = x, .in = 1, .out = 1, .exit = 75 }, "exit 75");
	judge((struct vf_tally_step){ .tool = codegen, .out = 500 }, "");
	judge((struct vf_tally_step){ .tool = codegen, .in = 2, .out = 500 }, "2 in, but 500 out + 0 rejected + 0 held = 500");
}

static void
test_settle(void)
{
	struct vf_tally t = { 0 };
	size_t end;

	vf_tally_settle(&t);
	ok(t.nsteps == 0 && vf_tally_run_end(&t, 0) == 0, "nothing settles to nothing");
	step(&t, "vf-b", 1, 1, 0, ",\"run\":\"z\"");
	step(&t, "vf-a", 2, 2, 0, ",\"run\":\"m\"");
	step(&t, "vf-a", 3, 3, 0, ",\"run\":\"z\"");
	step(&t, "vf-b", 4, 4, 0, ",\"run\":\"z\"");
	step(&t, "vf-b", 5, 5, 0, ",\"run\":\"z\",\"waveId\":\"w1\"");
	step(&t, "vf-b", 6, 6, 0, ",\"run\":\"z\",\"campaignId\":\"c1\"");
	step(&t, "vf-b", 7, 7, 0, ",\"run\":\"z\",\"input\":[\"f\"]");
	vf_tally_settle(&t);
	end = vf_tally_run_end(&t, 0);
	ok(t.nsteps == 6 && end == 5 && vf_tally_run_end(&t, end) == 6,
		"of the same tool, run, campaign, wave and input one line is left");
	ok(end == 5 && t.steps[0].in == 3 && t.steps[1].in == 4 && t.steps[2].in == 5 && t.steps[3].in == 6 &&
		t.steps[4].in == 7, "the last one, in the order of reading");
	ok(end == 5 && t.steps[5].in == 2, "the run whose first line came first is first, though its name is not");
	vf_tally_clear(&t);
}

static void
test_links(void)
{
	struct vf_tally t = { 0 };
	struct vf_tally_link link;
	size_t end;

	step(&t, "vf-a", 9, 4, 5, ",\"run\":\"r\",\"input\":[\"1\"]");
	step(&t, "vf-a", 9, 6, 3, ",\"run\":\"r\",\"input\":[\"2\"]");
	step(&t, "vf-b", 10, 10, 0, ",\"run\":\"r\"");
	step(&t, "vf-c", 9, 9, 0, ",\"run\":\"r\"");
	step(&t, "vf-a", 7, 7, 0, ",\"run\":\"s\"");
	vf_tally_settle(&t);
	end = vf_tally_run_end(&t, 0);
	link = vf_tally_link(&t, 0, end, "vf-a", "vf-b");
	ok(link.out == 10 && link.in == 10 && vf_tally_link_ok(link), "what one step's lines wrote, the next one read");
	link = vf_tally_link(&t, 0, end, "vf-b", "vf-c");
	ok(link.out == 10 && link.in == 9 && !vf_tally_link_ok(link), "one record less does not hold");
	link = vf_tally_link(&t, end, t.nsteps, "vf-a", "vf-b");
	ok(link.from && !link.to && link.out == 7 && !vf_tally_link_ok(link), "nor does a step without lines in this run");
	ok(!vf_tally_link_ok(vf_tally_link(&t, 0, end, "vf-x", "vf-y")), "0 out and 0 in of steps that never ran do not hold either");
	vf_tally_clear(&t);
}

int
main(void)
{
	test_lines();
	test_steps();
	test_settle();
	test_links();
	return done_testing();
}
