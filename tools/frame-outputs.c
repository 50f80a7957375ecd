/* frame-outputs.c -- what a tool writes: opened for it, committed together, freed in any case. */
#include "frame-impl.h"

/* The place of the next output, empty until that is open; NULL with the error. */
static struct output *
next_output(struct frame *f)
{
	if (f->noutputs < VF_MAX_OUTPUTS)
		return &f->outputs[f->noutputs];
	vf_error(&f->run.err, VF_ERR_FAILED, "too many outputs");
	return NULL;
}

struct vf_out *
vf_output(struct vf_run *run, struct vf_out_options *opt)
{
	struct frame *f = (struct frame *)run;
	struct output *o = next_output(f);

	if (opt->path == NULL)
		opt->path = f->common.output;
	if (o == NULL || (o->out = vf_out_open(opt, &run->err)) == NULL)
		return NULL;
	f->noutputs++;
	return o->out;
}

struct vf_lines_out *
vf_output_lines(struct vf_run *run, const char *path, unsigned flags)
{
	struct frame *f = (struct frame *)run;
	struct output *o = next_output(f);

	if (path == NULL)
		path = f->common.output;
	if (o == NULL || (o->lines = vf_lines_create(path, flags, &run->err)) == NULL)
		return NULL;
	f->noutputs++;
	return o->lines;
}

struct vf_file *
vf_output_file(struct vf_run *run, const char *path, unsigned flags)
{
	struct frame *f = (struct frame *)run;
	struct output *o = next_output(f);

	if (o == NULL || (o->file = vf_file_create(path, flags, &run->err)) == NULL)
		return NULL;
	f->noutputs++;
	return o->file;
}

static int
flush(struct output *o, struct vf_error *err)
{
	if (o->out != NULL)
		return vf_out_flush(o->out, err);
	return o->lines != NULL ? vf_lines_flush(o->lines, err) : vf_file_flush(o->file, err);
}

static int
commit(struct output *o, struct vf_error *err)
{
	if (o->out != NULL)
		return vf_out_commit(o->out, err);
	return o->lines != NULL ? vf_lines_commit(o->lines, err) : vf_file_commit(o->file, err);
}

/* All bytes are with the file system before the first name changes: a full disk leaves nothing behind. */
int
vf_outputs_commit(struct frame *f)
{
	for (int i = 0; i < f->noutputs; i++)
		if (flush(&f->outputs[i], &f->run.err) < 0)
			return -1;
	for (int i = 0; i < f->noutputs; i++)
		if (commit(&f->outputs[i], &f->run.err) < 0)
			return -1;
	return 0;
}

void
vf_outputs_free(struct frame *f)
{
	for (int i = 0; i < f->noutputs; i++) {
		vf_out_free(f->outputs[i].out);
		vf_lines_out_free(f->outputs[i].lines);
		vf_file_free(f->outputs[i].file);
	}
}

uint64_t
vf_frame_out(const struct frame *f)
{
	const struct output *first = &f->outputs[0];

	if (f->noutputs > 0 && first->out != NULL)
		return vf_out_records(first->out);
	return f->noutputs > 0 && first->lines != NULL ? vf_lines_written(first->lines) : f->run.out_count;
}
