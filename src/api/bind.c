/* The arguments of a call, and the `training` that nobody gave. */
#include "api.h"

#include <stdio.h>
#include <string.h>

/* Whether a path is this name, or leads into it. */
static bool leads_into(const char *path, const char *name)
{
    size_t length = strlen(name);
    return path && strncmp(path, name, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool is_training(const lince_argument *argument, size_t position)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", position);
    return leads_into(argument->path, "training") || leads_into(argument->path, number);
}

/* The position of `training`; SIZE_MAX: the callable does not take it. */
static size_t position_of_training(const struct li_callable *c)
{
    for (size_t i = 0; i < c->parameter_count; i++) {
        if (strcmp(c->parameter[i].name, "training") == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

bool li_api_takes_training(const struct li_callable *callable)
{
    return position_of_training(callable) != SIZE_MAX;
}

lince_status li_api_bind(struct li_api_arguments *out, const struct li_callable *callable,
                         const lince_argument *arguments, size_t count, enum li_api_training how,
                         struct li_arena *arena, lince_error *err)
{
    static const lince_argument images = {.path = "0", .kind = LINCE_ARG_INPUT};
    size_t position = position_of_training(callable), used = 0;
    bool given = position == SIZE_MAX;
    count = arguments ? count : 1;
    arguments = arguments ? arguments : &images;
    lince_argument *all = li_arena_calloc(arena, count + 1, sizeof *all, err);
    if (!all) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        bool training = position != SIZE_MAX && is_training(&arguments[i], position);
        given |= training;
        all[used++] = arguments[i];
        if (training && how == LI_TRAINING_NEVER) {
            all[used - 1] = (lince_argument){.path = arguments[i].path, .kind = LINCE_ARG_BOOL};
        }
    }
    if (!given && how != LI_TRAINING_GIVEN) {
        all[used++] =
            (lince_argument){.path = "training", .kind = LINCE_ARG_BOOL, .i = how == LI_TRAINING_TRUE ? 1 : 0};
    }
    return li_api_arguments(out, all, used, arena, err);
}
