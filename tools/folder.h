/*
 * tools/folder.h -- an output folder that appears whole or not at all.
 *
 * The files are written into a temporary folder beside the target, which
 * vf_folder_commit() renames into its place, or exchanges with the folder that
 * is there: nobody ever sees half of it.  (Where the file system cannot
 * exchange, as NFS, the old one is moved away first: a run killed between the
 * two leaves none.)
 *
 * The temporary folder is named `.vf-wave.HOST.PID` and locked.  Those that
 * killed runs of this host left are removed by the next run beside them.
 */
#ifndef VF_TOOLS_FOLDER_H
#define VF_TOOLS_FOLDER_H

#include <stdbool.h>

#include "base/error.h"

struct vf_folder;

/*
 * path is there: without `replace` that is VF_ERR_CONFIG; with it, it must be
 * a folder that holds none but the files `names` (NULL-ended, borrowed).
 */
struct vf_folder *vf_folder_create(const char *path, const char *const *names, bool replace, struct vf_error *);
/* Where the files are to be made. */
const char *vf_folder_temp(const struct vf_folder *);
/* After all files in it are on disk. */
int vf_folder_commit(struct vf_folder *, struct vf_error *);
/* Not committed: the temporary folder goes, with the files in it. NULL is accepted. */
void vf_folder_free(struct vf_folder *);

#endif
