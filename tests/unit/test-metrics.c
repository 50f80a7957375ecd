/* test-metrics.c -- what a campaign came to over its runs, and which metrics that reaches. */
#include "fan/metrics.h"
#include "fan/overview.h"
#include "tap.h"

static struct vf_error err;

/* A line: quotes are written as ' so that a test reads well. */
static void
take(struct vf_tally *t, const char *line)
{
	static uint64_t lines;
	struct vf_buf b = { 0 };

	vf_buf_add_str(&b, line);
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '\'')
			b.p[i] = '"';
	if (vf_tally_add(t, vf_buf_slice(&b), NULL, "st", ++lines, &err) < 0)
		ok(false, "a line is taken: %s", err.text);
	vf_buf_free(&b);
}

/* The same with a tool's counts; more: members with a comma before. */
static void
step(struct vf_tally *t, const char *tool, const char *run, const char *wave, unsigned in, unsigned out, const char *more)
{
	struct vf_buf b = { 0 };

	vf_buf_addf(&b, "{'tool':'%s','run':'%s','campaignId':'c','waveId':%s,'startedAt':'2026-12-05T20:00:00Z','seconds':2,"
		"'in':%u,'out':%u,'rejected':%u,'reasons':{'r':%u},'input':['f'],'exit':0%s}", tool, run, wave, in, out, in - out,
		in - out, more);
	if (vf_buf_terminate(&b) == 0)
		take(t, b.p);
	vf_buf_free(&b);
}

static void
stages_are(const struct vf_tally *t, const char *want, const char *name)
{
	struct vf_overview o;
	struct vf_buf b = { 0 };

	if (vf_overview_make(&o, t, &err) < 0)
		bail_out(err.text);
	for (size_t i = 0; i < o.nstages; i++)
		vf_buf_addf(&b, "%s%s:%" PRIu64 " ", o.stages[i].wave, o.stages[i].name, o.stages[i].n);
	vf_buf_add_str(&b, "| ");
	for (size_t i = 0; i < o.nwhy; i++)
		vf_buf_addf(&b, "%s%s/%s:%" PRIu64 " ", o.why[i].wave, o.why[i].tool, o.why[i].word, o.why[i].n);
	if (!ok(vf_slice_is(vf_buf_slice(&b), want), "%s", name) && vf_buf_terminate(&b) == 0)
		note("%s", b.p);
	vf_overview_clear(&o);
	vf_buf_free(&b);
}

static void
test_overview(void)
{
	struct vf_tally t = { 0 };

	vf_tally_settle(&t);
	stages_are(&t, "| ", "nothing has no stages");
	step(&t, "vf-score", "s", "null", 100, 90, "");
	step(&t, "vf-filter", "s", "null", 90, 80, "");
	step(&t, "vf-filter", "w", "null", 80, 70, "");
	step(&t, "vf-draw", "w", "'w1'", 70, 60, "");
	step(&t, "vf-draw", "again", "'w1'", 70, 50, "");
	step(&t, "vf-draw", "failed", "'w1'", 70, 40, ",'deferred':0");
	t.steps[t.nsteps - 1].exit = 1;
	step(&t, "vf-filter", "two", "null", 80, 30, "");
	step(&t, "vf-draw", "two", "'w2'", 30, 20, "");
	step(&t, "vf-draw", "two", "'w3'", 30, 10, "");
	vf_tally_settle(&t);
	stages_are(&t, "scored:100 valid scores:90 eligible:30 w1entrants:70 w1drawn:50 w2entrants:30 w2drawn:20 w3entrants:30 "
		"w3drawn:10 | vf-score/r:10 vf-filter/r:50 w1vf-filter/r:10 w1vf-draw/r:20 w2vf-draw/r:10 w3vf-draw/r:20 ",
		"the last good line of a tool and wave counts; a filter before one wave's draw is that wave's");
	vf_tally_clear(&t);
}

#define DELIVERY(channel, cumulative, results, sent) \
	"{'channel':'" channel "','cumulative':" cumulative ",'results':" results ",'attempted':" sent ",'statuses':{'sent':" sent \
	",'unsent':0}}"

static void
test_deliveries(void)
{
	struct vf_tally t = { 0 };

	/* The second run of a wave knows from its journal what the first one sent. */
	step(&t, "vf-sms", "a", "'w1'", 10, 10, ",'delivery':" DELIVERY("sms", "true", "7", "7"));
	step(&t, "vf-sms", "b", "'w1'", 10, 10, ",'delivery':" DELIVERY("sms", "true", "10", "10"));
	step(&t, "vf-sms", "c", "'w1'", 10, 10, ",'delivery':" DELIVERY("sms", "true", "3", "3"));
	/* A worker tells what it did, of any wave. */
	step(&t, "vf-sfmc", "d", "null", 10, 10, ",'deliveries':[{'campaignId':'c','waveId':'w1','delivery':"
		DELIVERY("email", "false", "4", "4") "},{'campaignId':'c','waveId':'w2','delivery':"
		DELIVERY("email", "false", "6", "6") "}]");
	step(&t, "vf-sfmc", "d", "null", 10, 10, ",'deliveries':[{'campaignId':'c','waveId':'w1','delivery':"
		DELIVERY("email", "false", "5", "5") "}]");
	ok(t.ndeliveries == 6, "six figures in five lines");
	vf_tally_settle(&t);
	ok(t.ndeliveries == 3 && strcmp(t.deliveries[0]->d.channel, "sms") == 0 && t.deliveries[0]->d.results == 10,
		"of cumulative figures the fullest count");
	ok(t.ndeliveries == 3 && t.deliveries[1]->d.results == 9 && strcmp(t.deliveries[2]->wave, "w2") == 0,
		"of others all do, though their steps are one");
	stages_are(&t, "w1SMS sent:10 w1e-mail sent:9 w2e-mail sent:6 | ", "what was sent is a stage");
	vf_tally_clear(&t);
}

static void
refuse(const char *line, const char *cause)
{
	struct vf_tally t = { 0 };
	struct vf_buf b = { 0 };

	vf_buf_add_str(&b, line);
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '\'')
			b.p[i] = '"';
	ok(vf_tally_add(&t, vf_buf_slice(&b), NULL, "st", 1, &err) < 0 && err.kind == VF_ERR_CONFIG &&
		strstr(err.text, cause) != NULL && t.nsteps == 0 && t.ndeliveries == 0, "refused: %s", cause);
	vf_tally_clear(&t);
	vf_buf_free(&b);
}

#define LINE "{'tool':'vf-sfmc','in':1,'out':1,'rejected':0,'exit':0,"

static void
test_refused(void)
{
	struct vf_buf b = { 0 };

	refuse(LINE "'startedAt':'yesterday'}", "$.startedAt: not a time");
	refuse(LINE "'seconds':-1}", "$.seconds: not a time");
	refuse(LINE "'delivery':7}", "$.delivery: not an object");
	refuse(LINE "'deliveries':[{'waveId':'w','delivery':" DELIVERY("email", "false", "4", "4") "},7]}",
		"$.deliveries[1]: not an object");
	vf_buf_add_str(&b, LINE "'deliveries':[");
	for (int i = 0; i < 257; i++)
		vf_buf_add_str(&b, i > 0 ? ",{}" : "{}");
	vf_buf_add_str(&b, "]}");
	if (vf_buf_terminate(&b) == 0)
		refuse(b.p, "more waves than a line may have");
	vf_buf_free(&b);
}

static void
metric_is(const struct vf_tally *t, const char *id, enum vf_verdict verdict, const char *value)
{
	struct vf_metric m[VF_METRICS];

	vf_metrics_make(m, t);
	for (int i = 0; i < VF_METRICS; i++)
		if (strcmp(m[i].id, id) == 0) {
			ok(m[i].verdict == verdict && strcmp(m[i].value, value) == 0 && m[i].basis[0] != '\0', "%s: %s %s", id,
				vf_verdict_names[verdict], value);
			if (m[i].verdict != verdict || strcmp(m[i].value, value) != 0)
				note("%s, %s: %s", vf_verdict_names[m[i].verdict], m[i].value, m[i].basis);
			return;
		}
	ok(false, "%s is a metric", id);
}

static void
test_metrics(void)
{
	struct vf_tally t = { 0 };
	struct vf_metric m[VF_METRICS];
	int open = 0;

	vf_metrics_make(m, &t);
	for (int i = 0; i < VF_METRICS; i++)
		open += m[i].verdict == VF_METRIC_NOT_MEASURED && m[i].value[0] == '\0' && m[i].basis[0] != '\0';
	ok(open == VF_METRICS, "of nothing, nothing is measured, and each says what is missing");

	step(&t, "vf-score", "s", "null", 100, 90, "");
	step(&t, "vf-kinesis", "s", "null", 90, 90, ",'more':1");
	step(&t, "vf-kinesis", "other", "null", 90, 90, "");
	step(&t, "vf-avro", "s", "null", 0, 0, "");
	step(&t, "vf-assign", "w", "'w1'", 1000, 1000, "");
	vf_tally_settle(&t);
	metric_is(&t, "scored-file-latency", VF_METRIC_OK, "2.0 s");
	metric_is(&t, "data-accuracy", VF_METRIC_NOT_MEASURED, "");
	metric_is(&t, "data-loss", VF_METRIC_OK, "0");
	metric_is(&t, "code-uniqueness", VF_METRIC_OK, "100 %");
	metric_is(&t, "code-assignment", VF_METRIC_OK, "100 %");
	metric_is(&t, "wave-time", VF_METRIC_OK, "2.0 s");
	metric_is(&t, "worker-success", VF_METRIC_OK, "100 %");
	vf_tally_clear(&t);

	take(&t, "{'tool':'vf-score','run':'s','startedAt':'2026-12-05T20:00:00Z','seconds':1,'in':5,'out':4,'rejected':0,'exit':0}");
	take(&t, "{'tool':'vf-kinesis','run':'s','startedAt':'2026-12-05T20:04:00Z','seconds':60,'in':4,'out':4,'rejected':0,'exit':0}");
	take(&t, "{'tool':'vf-avro','in':100000,'out':99999,'rejected':1,'reasons':{'schema':1},'exit':0}");
	take(&t, "{'tool':'vf-merge','run':'a','in':1,'out':1,'rejected':0,'exit':1}");
	take(&t, "{'tool':'vf-merge','run':'a','in':1,'out':1,'rejected':0,'exit':0}");
	take(&t, "{'tool':'vf-merge','run':'b','in':1,'out':1,'rejected':0,'exit':1}");
	take(&t, "{'tool':'vf-assign','run':'b','in':1000,'out':994,'rejected':6,'reasons':{'no-code':6},'exit':1}");
	take(&t, "{'tool':'vf-attempt','in':0,'out':0,'rejected':0,'exit':0,'attempt':2}");
	take(&t, "{'tool':'vf-attempt','run':'x','in':0,'out':0,'rejected':0,'exit':1,'attempt':3}");
	take(&t, "{'tool':'vf-attempt','run':'y','in':0,'out':0,'rejected':0,'exit':1,'attempt':1}");
	take(&t, "{'tool':'vf-score','run':'h','in':9,'out':9,'rejected':0,'exit':141}");
	take(&t, "{'tool':'vf-slack','in':2,'out':2,'rejected':0,'exit':0,"
		"'alerts':{'sent':2,'failed':0,'timed':2,'lagSum':61.5,'lagMax':60.5,'detectionSum':500}}");
	take(&t, "{'tool':'vf-sms','waveId':'w','in':100,'out':100,'rejected':0,'exit':0,'delivery':{'channel':'sms','results':100,"
		"'attempted':95,'statuses':{'sent':90,'failed':5,'suppressed':2,'deferred':3},'causes':{'failed':{'bad-address':1}},"
		"'throttled':1,'rate':{'gaps':2000,'ms':10000}}}");
	take(&t, "{'tool':'vf-sqs','waveId':'w','in':3,'out':3,'rejected':0,'exit':0,'delivery':{'channel':'email-queue','results':3,"
		"'attempted':3,'statuses':{'sent':2,'failed':1}}}");
	vf_tally_settle(&t);
	metric_is(&t, "scored-file-latency", VF_METRIC_MISSED, "300.0 s");
	metric_is(&t, "data-accuracy", VF_METRIC_MISSED, "99.99 %");
	metric_is(&t, "merge-success", VF_METRIC_MISSED, "50 %");
	metric_is(&t, "data-loss", VF_METRIC_MISSED, "1");
	metric_is(&t, "code-uniqueness", VF_METRIC_NOT_MEASURED, "");
	metric_is(&t, "code-assignment", VF_METRIC_MISSED, "99.40 %");
	metric_is(&t, "code-reservation", VF_METRIC_NOT_MEASURED, "");
	metric_is(&t, "sms-attempts", VF_METRIC_MISSED, "97.93 %");
	metric_is(&t, "email-queued", VF_METRIC_MISSED, "66.66 %");
	metric_is(&t, "send-rate", VF_METRIC_MISSED, "200.0/s");
	metric_is(&t, "worker-success", VF_METRIC_MISSED, "61.53 %");
	metric_is(&t, "alert-delay", VF_METRIC_MISSED, "60.5 s");
	metric_is(&t, "retry-success", VF_METRIC_MISSED, "50 %");
	metric_is(&t, "detection-time", VF_METRIC_OK, "250.0 s");
	vf_tally_clear(&t);
}

int
main(void)
{
	test_overview();
	test_deliveries();
	test_refused();
	test_metrics();
	return done_testing();
}
