/* lince explain: the planned graph. */
#include "cli.h"

#include <jansson.h>
#include <string.h>

struct explain {
    bool json;
    size_t steps, prepared;
};

static int tell(const lince_step *step, void *context)
{
    struct explain *e = context;
    const char *reason = step->reason ? step->reason : "", *shapes = step->shapes ? step->shapes : "";
    e->steps++;
    e->prepared += step->prepared != 0;
    if (e->json) {
        json_t *object = json_object();
        json_object_set_new(object, "name", app_json_text(step->name));
        json_object_set_new(object, "op", app_json_text(step->op));
        json_object_set_new(object, "shapes", app_json_text(shapes));
        json_object_set_new(object, "prepared", json_boolean(step->prepared));
        json_object_set_new(object, "tasks", json_integer(step->tasks));
        json_object_set_new(object, "reason", app_json_text(reason));
        app_json_line(stdout, object);
    } else {
        printf("%s  ", step->prepared ? "once" : "step");
        cli_show(step->op, 24);
        printf("  %-36s  %3lld  ", shapes, (long long)step->tasks);
        cli_show(step->name, 0);
        printf("%s%s\n", *reason ? "  # " : "", reason);
    }
    return ferror(stdout);
}

int cli_explain(const struct cli_args *args)
{
    struct explain e = {.json = cli_json(args)};
    struct cli_model m;
    struct cli_inputs in = {0};
    lince_session *session = NULL;
    lince_error err;
    int64_t batch = 1;
    CLI_TRY(cli_batch(args, &batch));
    int status = cli_model_open(&m, args, true);
    if (!status) {
        status = cli_has(args, OPT_INPUT) ? cli_inputs_from(&in, args, m.callable, true)
                                          : cli_inputs_image(&in, args, &m, batch);
    }
    if (!status && (lince_session_new(&session, m.callable, in.arguments.argument, in.arguments.count, NULL, &err) ||
                    lince_session_explain(session, in.tensor, in.count, tell, &e, &err))) {
        status = cli_failed(m.path, &err);
    }
    if (!status && !e.json) {
        printf("%zu steps, and %zu that are done once\n", e.steps - e.prepared, e.prepared);
    }
    status = status ? status : cli_flush();
    lince_session_free(session);
    cli_inputs_free(&in);
    cli_model_close(&m);
    return status;
}
