/* --expect: a result, whole, against files. */
#include "arrays.h"
#include "say.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER_DEPTH 64

static int compare_leaf(const struct cli_expected *want, const lince_output *o, const char *file, const char *name)
{
    struct app_array array;
    lince_error err;
    if (app_npy_read(file, &array, &err)) {
        return cli_failed(file, &err);
    }
    int status = cli_compare(&o->tensor, &array.tensor, name, want->atol, want->rtol);
    app_array_free(&array);
    return status;
}

static int compare_folder(const struct cli_expected *want, const lince_output *outputs, size_t count)
{
    int worst = CLI_DONE;
    for (size_t i = 0; i < count; i++) {
        char *file;
        if (outputs[i].tensor.dtype == LINCE_DTYPE_NONE) {
            continue; /* has no file; one that is there is surplus */
        }
        if (asprintf(&file, "%s/%s.npy", want->path, outputs[i].path) < 0) {
            app_say("no memory for a file name");
            return CLI_FAILED;
        }
        int status = compare_leaf(want, &outputs[i], file, outputs[i].path);
        worst = status > worst ? status : worst;
        free(file);
    }
    return worst;
}

/* ---- What is expected and did not come ---- */

static bool is_result(const char *path, size_t length, const lince_output *outputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (outputs[i].tensor.dtype != LINCE_DTYPE_NONE && strlen(outputs[i].path) == length &&
            memcmp(outputs[i].path, path, length) == 0) {
            return true;
        }
    }
    return false;
}

/* `root`: bytes of the expected folder's name and "/" at the beginning of every path. */
static int find_surplus(const char *folder, size_t root, const lince_output *outputs, size_t count, int depth)
{
    int worst = CLI_DONE;
    DIR *open = depth < FOLDER_DEPTH ? opendir(folder) : NULL;
    for (struct dirent *e; open && (e = readdir(open));) {
        struct stat facts;
        char *path = NULL;
        int status = CLI_DONE;
        if (e->d_name[0] == '.' || asprintf(&path, "%s/%s", folder, e->d_name) < 0) {
            continue;
        }
        size_t length = strlen(path);
        if (stat(path, &facts) == 0 && S_ISDIR(facts.st_mode)) {
            status = find_surplus(path, root, outputs, count, depth + 1);
        } else if (app_ends(path + root, ".npy") && !is_result(path + root, length - root - 4, outputs, count)) {
            app_say("%s: is expected, the result has no such part", path);
            status = CLI_FAILED;
        }
        worst = status > worst ? status : worst;
        free(path);
    }
    if (open) {
        closedir(open);
    }
    return worst;
}

int cli_expect(const struct cli_expected *want, const lince_output *outputs, size_t count)
{
    struct stat facts;
    bool there = stat(want->path, &facts) == 0, folder = there && S_ISDIR(facts.st_mode);
    bool single = count == 1 && !*outputs[0].path;
    if (single && outputs[0].tensor.dtype == LINCE_DTYPE_NONE) {
        app_say("result: is None, %s is expected", want->path);
        return CLI_FAILED;
    }
    if (there && single == folder) {
        app_say("%s: is a %s, the result is %s", want->path, folder ? "folder" : "file", want->structure);
        return CLI_FAILED;
    }
    if (single) {
        return compare_leaf(want, &outputs[0], want->path, "result");
    }
    int differs = compare_folder(want, outputs, count);
    int surplus = find_surplus(want->path, strlen(want->path) + 1, outputs, count, 0);
    return differs > surplus ? differs : surplus;
}
