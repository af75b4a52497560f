/* The archives in the checkpoint's folder of lince retrain: written, and read again. */
#include "retrain.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Settings ---------------------------------------------------------------------------------------------------- */

static uint64_t hash(uint64_t h, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        h = (h ^ ((const unsigned char *)data)[i]) * 1099511628211u;
    }
    return h;
}

/* A file by its name, size and time. */
static uint64_t hash_file(uint64_t h, const char *path)
{
    struct stat facts = {0};
    stat(path, &facts);
    const int64_t say[] = {facts.st_size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec};
    return hash(hash(h, path, strlen(path) + 1), say, sizeof say);
}

static uint64_t hash_inputs(const struct retrain *r)
{
    static const char *const files[] = {"saved_model.pb", "variables/variables.index"};
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < APP_COUNT(files); i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", r->args.operand[0], files[i]) >= 0) {
            h = hash_file(h, path);
            free(path);
        }
    }
    for (size_t i = 0; i < r->set.photos.count; i++) {
        h = hash_file(h, r->set.photos.text[i]);
    }
    return h;
}

/* Options that change nothing of the result. */
static bool indifferent(enum cli_option option)
{
    static const enum cli_option some[] = {OPT_OUTPUT,
                                           OPT_SAVED_MODEL_DIR,
                                           OPT_OVERWRITE,
                                           OPT_LABELS_OUTPUT_FILE,
                                           OPT_SUMMARIES_DIR,
                                           OPT_TOP,
                                           OPT_REPORT,
                                           OPT_JSON,
                                           OPT_THREADS,
                                           OPT_MEMORY_LIMIT,
                                           OPT_QUIET,
                                           OPT_VERBOSE,
                                           OPT_IMAGE_DIR,
                                           OPT_IMAGE_SIZE,
                                           OPT_EPOCHS,
                                           OPT_FINE_TUNE,
                                           OPT_CHECKPOINT_SECONDS};
    for (size_t i = 0; i < APP_COUNT(some); i++) {
        if (option == some[i]) {
            return true;
        }
    }
    return false;
}

int retrain_checkpoint_settings(struct retrain *r)
{
    size_t size;
    FILE *text = open_memstream(&r->settings, &size);
    if (!text) {
        app_say("no memory for the settings of the training");
        return CLI_FAILED;
    }
    fprintf(text, "lince %s\nmodel %s\nfiles %016llx\nbatch %lld\n", lince_version(), r->args.operand[0],
            (unsigned long long)hash_inputs(r), (long long)r->options.batch);
    for (int i = 0; i < OPT_COUNT; i++) {
        if (r->args.value[i] && !indifferent((enum cli_option)i)) {
            fprintf(text, "--%s %s\n", cli_options[i].name, r->args.value[i]);
        }
    }
    if (fclose(text)) {
        app_say("no memory for the settings of the training");
        return CLI_FAILED;
    }
    return CLI_DONE;
}

/* ---- Archives ---------------------------------------------------------------------------------------------------- */

static lince_tensor bytes_of(const void *data, size_t size)
{
    return (lince_tensor){
        .dtype = LINCE_UINT8, .rank = 1, .dims = {(int64_t)size}, .size_bytes = size, .data = (void *)data};
}

static lince_status add_values(struct app_npz_writer *w, const char *prefix, const struct retrain_values *values,
                               lince_error *err)
{
    for (size_t i = 0; i < values->count; i++) {
        char name[1100];
        snprintf(name, sizeof name, "%s/%s", prefix, values->value[i].name);
        APP_TRY(app_npz_add(w, name, &values->value[i].tensor, err));
    }
    return LINCE_OK;
}

static lince_status add_state(struct app_npz_writer *w, const struct retrain *r, const struct retrain_values *now,
                              lince_error *err)
{
    const struct retrain_place *p = &r->place;
    int64_t place[] = {p->phase, p->epoch, p->taken, p->correct, p->best, p->stale, p->complete, p->epochs};
    double loss = p->loss;
    lince_tensor settings = bytes_of(r->settings, strlen(r->settings));
    lince_tensor numbers = {.dtype = LINCE_INT64, .rank = 1, .dims = {8}, .size_bytes = sizeof place, .data = place};
    lince_tensor sum = {.dtype = LINCE_FLOAT64, .rank = 1, .dims = {1}, .size_bytes = sizeof loss, .data = &loss};
    lince_tensor history = {.dtype = LINCE_FLOAT64,
                            .rank = 2,
                            .dims = {p->epochs, 4},
                            .size_bytes = (size_t)p->epochs * sizeof *r->history,
                            .data = r->history};
    APP_TRY(app_npz_add(w, "settings", &settings, err));
    APP_TRY(app_npz_add(w, "place", &numbers, err));
    APP_TRY(app_npz_add(w, "loss", &sum, err));
    APP_TRY(app_npz_add(w, "history", &history, err));
    APP_TRY(add_values(w, "now", now, err));
    return add_values(w, "best", &r->best, err);
}

static lince_status add_features(struct app_npz_writer *w, const struct retrain *r, lince_error *err)
{
    int64_t photos = (int64_t)r->set.photos.count, width = (int64_t)r->width;
    lince_tensor settings = bytes_of(r->settings, strlen(r->settings));
    lince_tensor good = bytes_of(r->good, r->set.photos.count);
    lince_tensor features = {.dtype = LINCE_FLOAT32,
                             .rank = 2,
                             .dims = {photos, width},
                             .size_bytes = (size_t)(photos * width) * sizeof(float),
                             .data = r->features};
    APP_TRY(app_npz_add(w, "settings", &settings, err));
    APP_TRY(app_npz_add(w, "good", &good, err));
    return r->features ? app_npz_add(w, "features", &features, err) : LINCE_OK;
}

/* now NULL: the features. */
static int write_archive(const struct retrain *r, const char *name, const struct retrain_values *now)
{
    struct app_output out;
    lince_error err;
    char *path = retrain_checkpoint_path(r, name);
    if (!path) {
        return CLI_FAILED;
    }
    lince_status st = app_output_open(&out, path, &err);
    if (!st) {
        struct app_npz_writer w = {.file = out.file};
        st = now ? add_state(&w, r, now, &err) : add_features(&w, r, &err);
        st = st ? st : app_npz_end(&w, &err);
        app_npz_writer_free(&w);
        st = st ? st : app_output_commit(&out, &err);
        app_output_discard(&out);
    }
    int status = st ? cli_failed(path, &err) : CLI_DONE;
    free(path);
    return status;
}

int retrain_checkpoint_write(struct retrain *r)
{
    struct retrain_values now = {0};
    int status = retrain_values_take(&now, r);
    status = status ? status : write_archive(r, "state.npz", &now);
    retrain_values_free(&now);
    r->saved = cli_seconds();
    r->kept = r->kept || status == CLI_DONE;
    return status;
}

int retrain_features_write(const struct retrain *r)
{
    return write_archive(r, "features.npz", NULL);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* All arrays of an archive of the folder; none when it is not there. */
static lince_status read_arrays(struct retrain_values *to, const struct app_npz *npz, lince_error *err)
{
    for (size_t i = 0; i < npz->count; i++) {
        struct app_array array;
        char key[1100];
        const char *name;
        size_t size;
        app_npz_name(npz, i, &name, &size);
        snprintf(key, sizeof key, "%.*s", (int)size, name);
        APP_TRY(app_npz_read(npz, i, SIZE_MAX / 2, &array, err));
        int status = retrain_values_add(to, key, &array.tensor);
        app_array_free(&array);
        if (status) {
            return app_fail(err, LINCE_ENOMEM, "no memory for what it holds");
        }
    }
    return LINCE_OK;
}

static int check_settings(const struct retrain *r, const struct retrain_values *found, const char *path)
{
    const lince_tensor *s = retrain_values_find(found, "settings");
    if (s && s->size_bytes == strlen(r->settings) && memcmp(s->data, r->settings, s->size_bytes) == 0) {
        return CLI_DONE;
    }
    app_say("%s: is of a training with other photos, another model or other options; remove %s to begin anew, or give "
            "the same command again",
            path, r->folder);
    return CLI_FAILED;
}

static int read_archive(struct retrain_values *to, const struct retrain *r, const char *name)
{
    struct app_npz npz = {0};
    void *data = NULL;
    size_t size;
    lince_error err;
    char *path = retrain_checkpoint_path(r, name);
    if (!path) {
        return CLI_FAILED;
    }
    lince_status st = app_read(path, SIZE_MAX / 2, &data, &size, &err);
    bool there = st != LINCE_ENOENT;
    st = st ? st : app_npz_open(&npz, data, size, &err);
    st = st ? st : read_arrays(to, &npz, &err);
    int status = st && there ? cli_failed(path, &err) : there ? check_settings(r, to, path) : CLI_DONE;
    app_npz_close(&npz);
    free(data);
    free(path);
    return status;
}

/* An array of the archive, of the size that it must have; NULL: it is damaged. */
static const void *part(const struct retrain_values *found, const char *name, lince_dtype dtype, size_t size)
{
    const lince_tensor *t = retrain_values_find(found, name);
    return t && t->dtype == dtype && t->size_bytes == size ? t->data : NULL;
}

static int damaged(const struct retrain *r, const char *name)
{
    app_say("%s/%s: is damaged; remove %s to begin anew", r->folder, name, r->folder);
    return CLI_FAILED;
}

static int read_place(struct retrain *r, const struct retrain_values *found)
{
    const int64_t *p = part(found, "place", LINCE_INT64, 8 * sizeof *p);
    const double *loss = part(found, "loss", LINCE_FLOAT64, sizeof *loss);
    int64_t most = (int64_t)retrain_epochs(r);
    bool fits = p && loss && p[0] >= 0 && p[0] < (int64_t)r->options.phases && p[1] >= 0 && p[2] >= 0 &&
                p[2] <= (int64_t)r->set.photos.count && p[4] >= -1 && p[4] < p[7] && p[7] >= 0 && p[7] <= most;
    const double *history = fits ? part(found, "history", LINCE_FLOAT64, (size_t)p[7] * sizeof *r->history) : NULL;
    if (!history) {
        return damaged(r, "state.npz");
    }
    r->place = (struct retrain_place){p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], *loss};
    memcpy(r->history, history, (size_t)p[7] * sizeof *r->history);
    return CLI_DONE;
}

/* The arrays below a prefix, under the rest of their names. */
static int move_values(struct retrain_values *to, const struct retrain_values *found, const char *prefix)
{
    size_t length = strlen(prefix);
    for (size_t i = 0; i < found->count; i++) {
        const struct retrain_value *v = &found->value[i];
        if (strncmp(v->name, prefix, length) == 0) {
            CLI_TRY(retrain_values_add(to, v->name + length, &v->tensor));
        }
    }
    return CLI_DONE;
}

int retrain_checkpoint_read(struct retrain *r)
{
    struct retrain_values found = {0};
    int status = read_archive(&found, r, "state.npz");
    if (!status && found.count) {
        status = read_place(r, &found);
        status = status ? status : move_values(&r->now, &found, "now/");
        status = status ? status : move_values(&r->best, &found, "best/");
        if (!status) {
            cli_note(&r->args, "%s: goes on after %lld epochs and %lld photos of the next", r->folder,
                     (long long)r->place.epochs, (long long)r->place.taken);
        }
    }
    retrain_values_free(&found);
    return status;
}

static int take_features(struct retrain *r, struct retrain_values *found)
{
    size_t photos = r->set.photos.count;
    const bool *good = part(found, "good", LINCE_UINT8, photos);
    const lince_tensor *features = retrain_values_find(found, "features");
    if (!good || (features && (features->rank != 2 || features->dims[0] != (int64_t)photos))) {
        return damaged(r, "features.npz");
    }
    memcpy(r->good, good, photos);
    if (features) {
        r->width = (size_t)features->dims[1];
        r->features = malloc(features->size_bytes + 1);
        if (!r->features) {
            app_say("no memory for the features of %zu photos", photos);
            return CLI_FAILED;
        }
        memcpy(r->features, features->data, features->size_bytes);
    }
    return CLI_DONE;
}

int retrain_features_read(struct retrain *r, bool *found)
{
    struct retrain_values values = {0};
    int status = read_archive(&values, r, "features.npz");
    *found = values.count > 0;
    status = !status && *found ? take_features(r, &values) : status;
    retrain_values_free(&values);
    return status;
}
