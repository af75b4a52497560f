/* lince explain: the planned graph. */
#include "model.h"
#include "say.h"

#include <jansson.h>
#include <string.h>

struct explain {
    bool json;
    size_t steps, prepared, inside, later; /* told; of these done once, in bodies, without a plan */
    int64_t bytes, flop;                   /* of what is done in every call */
};

enum { OP_COLUMNS = 24 };

/* A body is indented under what runs it. */
static void print_step(const lince_step *step, const char *shapes, const char *reason)
{
    char size[32] = "", flop[32] = "";
    int indent = 2 * step->depth;
    if (step->flop) {
        snprintf(flop, sizeof flop, "%.3g GFLOP", (double)step->flop * 1e-9);
    }
    printf("%-5s  %*s", step->later ? "later" : step->prepared ? "once" : "step", indent, "");
    cli_show(step->op, indent < OP_COLUMNS ? OP_COLUMNS - indent : 0);
    if (step->later) {
        printf("  ");
        cli_show(step->name, 0);
        putchar('\n');
        return;
    }
    printf("  %5lld  %9s  %14s  %s  ", (long long)step->tasks, cli_size_text(size, step->bytes), flop, shapes);
    cli_show(step->name, 0);
    printf("%s%s\n", *reason ? "  # " : "", reason);
}

static void print_json(const lince_step *step, const char *shapes, const char *reason)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", app_json_text(step->name));
    json_object_set_new(object, "op", app_json_text(step->op));
    json_object_set_new(object, "depth", json_integer(step->depth));
    json_object_set_new(object, "later", json_boolean(step->later));
    json_object_set_new(object, "shapes", app_json_text(shapes));
    json_object_set_new(object, "prepared", json_boolean(step->prepared));
    json_object_set_new(object, "tasks", json_integer(step->tasks));
    json_object_set_new(object, "bytes", json_integer(step->bytes));
    json_object_set_new(object, "gflop", app_json_real((double)step->flop * 1e-9));
    json_object_set_new(object, "reason", app_json_text(reason));
    app_json_line(stdout, object);
}

static void count(struct explain *e, const lince_step *step)
{
    e->steps++;
    e->prepared += step->prepared != 0;
    e->inside += step->depth > 0;
    e->later += step->later != 0;
    e->bytes += step->prepared ? 0 : step->bytes;
    e->flop += step->prepared ? 0 : step->flop;
}

static int tell(const lince_step *step, void *context)
{
    struct explain *e = context;
    const char *reason = step->reason ? step->reason : "", *shapes = step->shapes ? step->shapes : "";
    count(e, step);
    if (e->json) {
        print_json(step, shapes, reason);
        return ferror(stdout);
    }
    if (e->steps == 1) {
        printf("when   %-*s  tasks  %9s  %14s  shapes, name, kernel\n", OP_COLUMNS, "op", "bytes", "work");
    }
    print_step(step, shapes, reason);
    return ferror(stdout);
}

static void print_sum(const struct explain *e)
{
    char size[32];
    size_t steps = e->steps - e->prepared - e->later;
    printf("%zu step%s (%s, %.4g GFLOP)", steps, steps == 1 ? "" : "s", cli_size_text(size, e->bytes),
           (double)e->flop * 1e-9);
    if (e->inside) {
        printf(", %zu of them in bodies that a branch chooses from or a loop repeats", e->inside);
    }
    printf(", and %zu that are done once\n", e->prepared);
    if (e->later) {
        printf("%zu more planned in a run: what is computed before decides the shapes\n", e->later);
    }
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
        print_sum(&e);
    }
    status = status ? status : cli_flush();
    lince_session_free(session);
    cli_inputs_free(&in);
    cli_model_close(&m);
    return status;
}
