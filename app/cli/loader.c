/*
 * Photos decoded by threads ahead of their use. A ring of slots: photo i lies in slot i % slots. A thread takes the
 * next photo of the list as soon as its slot is free; the reader takes slots in order.
 */
#include "photos.h"
#include "say.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DECODERS 64

enum state { EMPTY, READY, BAD };

struct slot {
    float *pixels;
    enum state state;
    bool turned; /* its EXIF orientation is not the upright one */
    lince_error err;
};

struct cli_loader {
    const struct app_list *list;
    const struct cli_args *args;
    const struct cli_image *image;
    size_t pixels; /* floats of one picture */
    struct slot *slot;
    size_t slots;
    size_t next, taken, failed; /* photo to decode; photos the reader is done with; of these, bad */
    bool ending, turned_said;
    pthread_mutex_t lock;
    pthread_cond_t room, ready;
    pthread_t thread[MAX_DECODERS];
    size_t threads;
};

static lince_status load(struct cli_loader *l, struct slot *slot, const char *path)
{
    void *data;
    size_t size;
    lince_error why;
    APP_TRY(app_read(path, CLI_PHOTO_LIMIT, &data, &size, &slot->err));
    slot->turned = !l->image->options.orient && lince_image_orientation(data, size) != 1;
    lince_status st =
        lince_image_load_bytes(data, size, &l->image->options, l->image->height, l->image->width, slot->pixels, &why);
    free(data);
    return st ? app_fail(&slot->err, st, "%s: %.*s", strcmp(path, "-") == 0 ? "stdin" : path, 1500, why.text)
              : LINCE_OK;
}

static void *decode(void *context)
{
    struct cli_loader *l = context;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->ending && l->next < l->list->count && l->next - l->taken >= l->slots) {
            pthread_cond_wait(&l->room, &l->lock);
        }
        if (l->ending || l->next == l->list->count) {
            break;
        }
        size_t i = l->next++;
        struct slot *slot = &l->slot[i % l->slots];
        pthread_mutex_unlock(&l->lock);
        lince_status st = load(l, slot, l->list->text[i]);
        pthread_mutex_lock(&l->lock);
        slot->state = st ? BAD : READY;
        pthread_cond_broadcast(&l->ready);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static bool make_slots(struct cli_loader *l, size_t slots)
{
    l->slot = calloc(slots, sizeof *l->slot);
    for (size_t i = 0; l->slot && i < slots; i++, l->slots++) {
        l->slot[i].pixels = malloc(l->pixels * sizeof(float));
        if (!l->slot[i].pixels) {
            break;
        }
    }
    return l->slots > 0;
}

static bool start(struct cli_loader *l, size_t threads)
{
    while (l->threads < threads && pthread_create(&l->thread[l->threads], NULL, decode, l) == 0) {
        l->threads++;
    }
    return l->threads > 0;
}

int cli_loader_new(struct cli_loader **loader, const struct app_list *list, const struct cli_image *image,
                   size_t threads, size_t ahead, const struct cli_args *args)
{
    struct cli_loader *l = calloc(1, sizeof *l);
    if (l) {
        *l = (struct cli_loader){
            .list = list, .args = args, .image = image, .pixels = (size_t)image->height * (size_t)image->width * 3};
        pthread_mutex_init(&l->lock, NULL);
        pthread_cond_init(&l->room, NULL);
        pthread_cond_init(&l->ready, NULL);
    }
    *loader = l;
    threads = threads < MAX_DECODERS ? threads : MAX_DECODERS;
    threads = threads < list->count ? threads : list->count;
    if (!l || (list->count > 0 && (!make_slots(l, ahead + threads) || !start(l, threads)))) {
        app_say("no memory or no threads to decode photos of %lldx%lld", (long long)image->height,
                (long long)image->width);
        return CLI_FAILED;
    }
    return CLI_DONE;
}

void cli_loader_free(struct cli_loader *l)
{
    if (!l) {
        return;
    }
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; i < l->threads; i++) {
        pthread_join(l->thread[i], NULL);
    }
    for (size_t i = 0; i < l->slots; i++) {
        free(l->slot[i].pixels);
    }
    free(l->slot);
    pthread_cond_destroy(&l->room);
    pthread_cond_destroy(&l->ready);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* Say what there is to say of a photo that is done. */
static void tell(struct cli_loader *l, const struct slot *slot, const char *path)
{
    if (slot->state == BAD) {
        app_say("%s", slot->err.text);
        l->failed++;
    } else if (slot->turned && !l->turned_said) {
        cli_note(
            l->args,
            "%s: lies on its side or head by its EXIF data, and is used as stored, as TensorFlow does; --orient turns "
            "such photos",
            path);
        l->turned_said = true;
    }
}

void cli_loader_next(struct cli_loader *l, size_t want, float *to, size_t *index, size_t *got)
{
    for (*got = 0; *got < want && l->taken < l->list->count;) {
        struct slot *slot = &l->slot[l->taken % l->slots];
        pthread_mutex_lock(&l->lock);
        while (slot->state == EMPTY) {
            pthread_cond_wait(&l->ready, &l->lock);
        }
        pthread_mutex_unlock(&l->lock);
        if (slot->state == READY) {
            memcpy(to + *got * l->pixels, slot->pixels, l->pixels * sizeof(float));
            index[(*got)++] = l->taken;
        }
        tell(l, slot, l->list->text[l->taken]);
        pthread_mutex_lock(&l->lock);
        slot->state = EMPTY;
        l->taken++;
        pthread_cond_signal(&l->room);
        pthread_mutex_unlock(&l->lock);
    }
}

size_t cli_loader_failed(const struct cli_loader *l)
{
    return l->failed;
}

size_t cli_loader_taken(const struct cli_loader *l)
{
    return l->taken;
}
