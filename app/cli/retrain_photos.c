/* The photos of lince retrain: finding and dividing them, and batches of them in an order that a seed decides. */
#include "arrays.h"
#include "retrain.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(const struct retrain *r)
{
    app_say("no memory for %zu photos", r->set.photos.count);
    return CLI_FAILED;
}

/* ---- Finding ----------------------------------------------------------------------------------------------------- */

/* A class that none of its photos stands for cannot be learned: most likely something went wrong with its folder. */
static int check_classes(const struct retrain *r)
{
    const struct app_dataset *set = &r->set;
    size_t empty = 0;
    const char *first = NULL;
    for (size_t c = set->class_name.count; c-- > 0;) {
        if (set->first[c] == set->first[c + 1]) {
            first = set->class_name.text[c];
            empty++;
        }
    }
    if (empty) {
        app_say("%s: no photos in %zu of its folders, \"%s\" for one; photos of each class are wanted", set->folder,
                empty, first);
        return CLI_FAILED;
    }
    if (set->class_name.count < 2) {
        app_say("%s: has one folder, \"%s\"; two classes or more are wanted", set->folder, set->class_name.text[0]);
        return CLI_FAILED;
    }
    if (set->outside) {
        cli_note(&r->args, "%s: photos beside its folders have no class and are left out: %zu", set->folder,
                 set->outside);
    }
    return CLI_DONE;
}

int retrain_find_photos(struct retrain *r)
{
    lince_error err;
    if (app_dataset_open(&r->set, r->options.images, &err)) {
        return cli_failed(r->options.images, &err);
    }
    CLI_TRY(check_classes(r));
    size_t count = r->set.photos.count;
    r->good = calloc(count, sizeof *r->good);
    r->held = calloc(count, sizeof *r->held);
    r->train = calloc(count, sizeof *r->train);
    r->validation = calloc(count, sizeof *r->validation);
    r->order = calloc(count, sizeof *r->order);
    return r->good && r->held && r->train && r->validation && r->order ? CLI_DONE : no_memory(r);
}

/* ---- Looking at each once ---------------------------------------------------------------------------------------- */

static int keep_features(struct cli_pass *pass, const struct cli_batch *b)
{
    struct retrain *r = pass->context;
    if (!r->features) {
        r->width = b->width;
        r->features = calloc(r->set.photos.count * b->width + 1, sizeof *r->features);
        if (!r->features) {
            return no_memory(r);
        }
    }
    for (size_t i = 0; i < b->rows; i++) {
        r->good[b->index[i]] = true;
        memcpy(r->features + b->index[i] * r->width, b->value + i * b->width, b->width * sizeof(float));
    }
    return CLI_DONE;
}

/* A pass of photos through the body; photos that cannot be read are reported by it. */
static int compute_features(struct retrain *r)
{
    r->pass.photos = r->set.photos;
    r->pass.take = keep_features;
    r->pass.context = r;
    int status = cli_pass_run(&r->pass);
    r->pass.photos = (struct app_list){0};
    return status == CLI_FAILED && r->pass.complete ? CLI_DONE : status;
}

/* Without features: decode each. */
static int decode_all(struct retrain *r)
{
    int64_t threads;
    size_t got, index[1];
    struct cli_progress progress;
    struct cli_loader *loader = NULL;
    float *pixels = calloc((size_t)r->pass.image.height * (size_t)r->pass.image.width * 3, sizeof(float));
    int status = pixels ? cli_decoders(&r->args, &threads) : no_memory(r);
    status = status ? status : cli_loader_new(&loader, &r->set.photos, &r->pass.image, (size_t)threads, 8, &r->args);
    cli_progress_start(&progress, &r->args, r->set.photos.count, false);
    do {
        got = 0;
        if (!status) {
            cli_loader_next(loader, 1, pixels, index, &got);
            cli_progress_to(&progress, cli_loader_taken(loader), cli_loader_failed(loader));
        }
        if (got) {
            r->good[index[0]] = true;
        }
    } while (got);
    app_bar(NULL);
    cli_loader_free(loader);
    free(pixels);
    return status;
}

int retrain_look(struct retrain *r)
{
    bool found;
    CLI_TRY(retrain_features_read(r, &found));
    if (found) {
        return CLI_DONE;
    }
    if (r->options.phase[0].tune || r->options.augmented) {
        CLI_TRY(decode_all(r));
    } else {
        CLI_TRY(compute_features(r));
    }
    return retrain_features_write(r);
}

/* ---- Dividing ---------------------------------------------------------------------------------------------------- */

static int check_learned(const struct retrain *r)
{
    for (size_t c = 0; c < r->set.class_name.count; c++) {
        size_t learned = 0, from = r->set.first[c], to = r->set.first[c + 1];
        for (size_t i = from; i < to; i++) {
            learned += r->good[i] && !r->held[i];
        }
        if (learned == 0) {
            app_say("%s/%s: none of the %zu photos to learn from could be read", r->set.folder,
                    r->set.class_name.text[c], to - from);
            return CLI_FAILED;
        }
    }
    return CLI_DONE;
}

int retrain_divide(struct retrain *r)
{
    lince_error err;
    r->train_count = r->validation_count = r->unreadable = 0;
    if (app_dataset_split(&r->set, r->options.split, (uint64_t)r->options.seed, r->held, &err)) {
        return cli_failed(r->options.images, &err);
    }
    for (size_t i = 0; i < r->set.photos.count; i++) {
        if (!r->good[i]) {
            r->unreadable++;
        } else if (r->held[i]) {
            r->validation[r->validation_count++] = i;
        } else {
            r->train[r->train_count++] = i;
        }
    }
    CLI_TRY(check_learned(r));
    cli_note(&r->args, "%s: %zu classes, %zu photos to learn from, %zu for validation%s", r->options.images,
             r->set.class_name.count, r->train_count, r->validation_count,
             r->unreadable ? "; those that could not be read are left out" : "");
    if (r->validation_count == 0 && r->options.split > 0) {
        cli_note(&r->args, "%s: no photo is left for validation; of two photos of a class it gets one",
                 r->options.images);
    }
    return CLI_DONE;
}

/* ---- The order of an epoch --------------------------------------------------------------------------------------- */

/* SplitMix64. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Fisher and Yates. The remainder favours small numbers by count / 2^64, which is nothing. */
void retrain_shuffle(const struct retrain *r, int64_t epoch)
{
    uint64_t state = (uint64_t)r->options.seed;
    state = draw(&state) + (uint64_t)epoch;
    memcpy(r->order, r->train, r->train_count * sizeof *r->order);
    for (size_t i = r->train_count; i > 1; i--) {
        size_t k = (size_t)(draw(&state) % i), one = r->order[i - 1];
        r->order[i - 1] = r->order[k];
        r->order[k] = one;
    }
}

/* ---- Batches ----------------------------------------------------------------------------------------------------- */

static size_t pixels_of(const struct retrain *r)
{
    return (size_t)r->pass.image.height * (size_t)r->pass.image.width * 3;
}

/* Pictures of [0, 1]; how they are mapped follows when they were changed. */
static int open_loader(struct retrain_stream *s)
{
    struct retrain *r = s->r;
    int64_t threads;
    CLI_TRY(cli_decoders(&r->args, &threads));
    s->names.text = calloc(s->count + 1, sizeof *s->names.text);
    s->raw = malloc(s->room * pixels_of(r) * sizeof *s->raw);
    if (!s->names.text || !s->raw) {
        return no_memory(r);
    }
    for (s->names.count = 0; s->names.count < s->count; s->names.count++) {
        s->names.text[s->names.count] = r->set.photos.text[s->photo[s->names.count]];
    }
    s->plain = r->pass.image;
    for (int i = 0; i < 3; i++) {
        s->plain.options.mean[i] = 0;
        s->plain.options.std[i] = 1;
    }
    return cli_loader_new(&s->loader, &s->names, &s->plain, (size_t)threads, s->room, &r->args);
}

int retrain_stream_open(struct retrain_stream *s, struct retrain *r, const size_t *photo, size_t count, int64_t epoch)
{
    *s = (struct retrain_stream){.r = r, .photo = photo, .count = count, .epoch = epoch};
    s->room = (size_t)r->options.batch < count ? (size_t)r->options.batch : count;
    s->room = s->room ? s->room : 1;
    s->input = malloc(s->room * (r->on_features ? r->width : pixels_of(r)) * sizeof *s->input);
    s->label = calloc(s->room, sizeof *s->label);
    s->number = calloc(s->room, sizeof *s->number);
    s->index = calloc(s->room, sizeof *s->index);
    if (!s->input || !s->label || !s->number || !s->index) {
        return no_memory(r);
    }
    return r->on_features ? CLI_DONE : open_loader(s);
}

static size_t next_features(struct retrain_stream *s)
{
    size_t rows = s->count - s->at < s->room ? s->count - s->at : s->room, width = s->r->width;
    for (size_t i = 0; i < rows; i++) {
        memcpy(s->input + i * width, s->r->features + s->photo[s->at + i] * width, width * sizeof(float));
    }
    return rows;
}

/* Changed at random, if that is wanted, and mapped to the numbers that the body expects. */
static int finish_images(struct retrain_stream *s, size_t rows)
{
    const struct cli_image *image = &s->r->pass.image;
    lince_tensor in = cli_images(false, (int64_t)rows, image->height, image->width), out = in;
    lince_error err;
    in.data = s->raw;
    out.data = s->input;
    if (s->epoch < 0) {
        memcpy(s->input, s->raw, out.size_bytes);
    } else if (lince_image_augment(&in, s->number, (uint64_t)s->r->options.seed, s->epoch, &s->r->options.augment,
                                   s->r->pool, &out, &err)) {
        return cli_failed(NULL, &err);
    }
    for (size_t i = 0; i < rows * pixels_of(s->r); i++) {
        s->input[i] = (s->input[i] - image->options.mean[i % 3]) / image->options.std[i % 3];
    }
    return CLI_DONE;
}

/* A photo that could be read before and cannot be now would change what comes of the training. */
static int next_images(struct retrain_stream *s, size_t *rows)
{
    cli_loader_next(s->loader, s->room, s->raw, s->index, rows);
    if (cli_loader_failed(s->loader)) {
        app_say("%s: a photo changed during the training", s->r->options.images);
        return CLI_FAILED;
    }
    for (size_t i = 0; i < *rows; i++) {
        s->number[i] = (int64_t)s->photo[s->at + i];
    }
    return *rows ? finish_images(s, *rows) : CLI_DONE;
}

int retrain_stream_next(struct retrain_stream *s, lince_tensor *input, lince_tensor *labels)
{
    const struct cli_image *image = &s->r->pass.image;
    size_t rows = 0;
    if (s->r->on_features) {
        rows = next_features(s);
    } else {
        CLI_TRY(next_images(s, &rows));
    }
    for (size_t i = 0; i < rows; i++) {
        s->label[i] = (int64_t)app_dataset_class(&s->r->set, s->photo[s->at + i]);
    }
    *input = s->r->on_features
                 ? (lince_tensor){.dtype = LINCE_FLOAT32, .rank = 2, .dims = {(int64_t)rows, (int64_t)s->r->width}}
                 : cli_images(false, (int64_t)rows, image->height, image->width);
    input->data = s->input;
    input->size_bytes = rows * (s->r->on_features ? s->r->width : pixels_of(s->r)) * sizeof(float);
    *labels = (lince_tensor){.dtype = LINCE_INT64,
                             .rank = 1,
                             .dims = {(int64_t)rows},
                             .data = s->label,
                             .size_bytes = rows * sizeof *s->label};
    s->at += rows;
    return CLI_DONE;
}

void retrain_stream_close(struct retrain_stream *s)
{
    cli_loader_free(s->loader);
    free(s->names.text);
    free(s->raw);
    free(s->input);
    free(s->label);
    free(s->number);
    free(s->index);
    *s = (struct retrain_stream){0};
}
