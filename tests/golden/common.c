/* Counting checks, and opening the model of a manifest. */
#include "golden.h"

#include <stdarg.h>
#include <string.h>

bool check(struct golden *g, bool ok, const char *format, ...)
{
    g->checks++;
    if (!ok) {
        va_list args;
        va_start(args, format);
        g->failures++;
        fprintf(stderr, "%s: ", g->call);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
        va_end(args);
    }
    return ok;
}

/* NULL where the manifest names none, which is to be told from an empty set. */
static const char *tags_of(const json_t *manifest, char *buffer, size_t size)
{
    const json_t *tags = json_object_get(manifest, "tags");
    size_t len = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < json_array_size(tags) && len < size; i++) {
        const char *tag = json_string_value(json_array_get(tags, i));
        len += (size_t)snprintf(buffer + len, size - len, "%s%s", i ? "," : "", tag);
    }
    return json_is_array(tags) ? buffer : NULL;
}

lince_model *open_model(struct golden *g)
{
    char path[1024], tags[256];
    lince_error err;
    lince_model *model;
    lince_model_options options;
    lince_model_options_init(&options);
    options.threads = 2;
    options.tags = tags_of(g->manifest, tags, sizeof tags);
    snprintf(path, sizeof path, "%s/%s", g->folder, json_string_value(json_object_get(g->manifest, "model")));
    if (lince_model_open(&model, path, &options, &err)) {
        check(g, false, "cannot open: %s", err.text);
        return NULL;
    }
    return model;
}

int golden_main(int argc, char **argv, void (*all)(struct golden *g))
{
    char path[1024];
    json_error_t error;
    if (argc != 3) {
        fprintf(stderr, "usage: golden FOLDER NAME\n");
        return 2;
    }
    struct golden g = {.folder = argv[1], .call = argv[2]};
    snprintf(path, sizeof path, "%s/cases/%s.json", argv[1], argv[2]);
    g.manifest = json_load_file(path, 0, &error);
    if (!g.manifest) {
        fprintf(stderr, "%s: %s\n", path, error.text);
        return 2;
    }
    all(&g);
    json_decref(g.manifest);
    printf("%s: %d passed, %d failed\n", argv[2], g.checks - g.failures, g.failures);
    return g.failures ? 1 : 0;
}
