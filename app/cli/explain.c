/* lince explain: the planned graph. */
#include "model.h"
#include "say.h"

#include <jansson.h>
#include <string.h>

struct explain {
    bool json;
    size_t steps, prepared;
    int64_t bytes, flop; /* of what is done in every call */
};

static void print_step(const lince_step *step, const char *shapes, const char *reason)
{
    char size[32], flop[32] = "";
    if (step->flop) {
        snprintf(flop, sizeof flop, "%.3g GFLOP", (double)step->flop * 1e-9);
    }
    printf("%s  ", step->prepared ? "once" : "step");
    cli_show(step->op, 24);
    printf("  %5lld  %9s  %14s  %s  ", (long long)step->tasks, cli_size_text(size, step->bytes), flop, shapes);
    cli_show(step->name, 0);
    printf("%s%s\n", *reason ? "  # " : "", reason);
}

static int tell(const lince_step *step, void *context)
{
    struct explain *e = context;
    const char *reason = step->reason ? step->reason : "", *shapes = step->shapes ? step->shapes : "";
    e->steps++;
    e->prepared += step->prepared != 0;
    e->bytes += step->prepared ? 0 : step->bytes;
    e->flop += step->prepared ? 0 : step->flop;
    if (e->json) {
        json_t *object = json_object();
        json_object_set_new(object, "name", app_json_text(step->name));
        json_object_set_new(object, "op", app_json_text(step->op));
        json_object_set_new(object, "shapes", app_json_text(shapes));
        json_object_set_new(object, "prepared", json_boolean(step->prepared));
        json_object_set_new(object, "tasks", json_integer(step->tasks));
        json_object_set_new(object, "bytes", json_integer(step->bytes));
        json_object_set_new(object, "gflop", app_json_real((double)step->flop * 1e-9));
        json_object_set_new(object, "reason", app_json_text(reason));
        app_json_line(stdout, object);
    } else {
        if (e->steps == 1) {
            printf("when  %-24s  tasks  %9s  %14s  shapes, name, kernel\n", "op", "bytes", "work");
        }
        print_step(step, shapes, reason);
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
    int status = cli_model_open(&m, args);
    if (!status) {
        status =
            cli_has(args, OPT_INPUT) ? cli_inputs_from(&in, args, m.callable) : cli_inputs_image(&in, args, &m, batch);
    }
    if (!status && (cli_session_new(&session, m.callable, &in.arguments, true, &err) ||
                    lince_session_explain(session, in.tensor, in.count, tell, &e, &err))) {
        status = cli_failed(m.path, &err);
    }
    if (!status && !e.json) {
        char size[32];
        printf("%zu steps (%s, %.4g GFLOP), and %zu that are done once\n", e.steps - e.prepared,
               cli_size_text(size, e.bytes), (double)e.flop * 1e-9, e.prepared);
    }
    status = status ? status : cli_flush();
    lince_session_free(session);
    cli_inputs_free(&in);
    cli_model_close(&m);
    return status;
}
