/* archive: variables to and from .npz files. */
#ifndef CLI_ARCHIVE_H
#define CLI_ARCHIVE_H

#include "args.h"

/* All variables but texts, under their names; of several of one name, all but the first have "#INDEX" behind it. */
int cli_archive_export(lince_model *model, const struct cli_args *args, const char *path);

/* The same names, shapes and dtypes, all of them and nothing else; then the model has the values. */
int cli_archive_import(lince_model *model, const char *path);

#endif
