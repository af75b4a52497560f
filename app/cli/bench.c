/* lince bench: how fast a model runs here. */
#include "model.h"
#include "say.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MAX_CONCURRENCY 256
#define WARM_UPS 2

/* One of the callers at the same time. */
struct caller {
    struct bench *bench;
    pthread_t thread;
    lince_session *session;
    double *latency; /* seconds */
    size_t count, room;
    double ended;
    bool failed;
    lince_error err;
};

struct bench {
    struct cli_model model;
    struct cli_inputs in;
    int64_t batch, concurrency;
    double duration, first_ms, started;
    struct caller *caller;
    pthread_barrier_t start;
};

static lince_status call_once(struct caller *c)
{
    const lince_output *outputs;
    size_t count;
    return lince_session_run(c->session, c->bench->in.tensor, 1, &outputs, &count, &c->err);
}

static bool keep(struct caller *c, double seconds)
{
    if (c->count == c->room) {
        size_t room = c->room ? c->room * 2 : 1024;
        double *grown = realloc(c->latency, room * sizeof *grown);
        if (!grown) {
            app_fail(&c->err, LINCE_ENOMEM, "no memory for %zu measurements", room);
            return false;
        }
        c->latency = grown;
        c->room = room;
    }
    c->latency[c->count++] = seconds;
    return true;
}

static void *measure(void *context)
{
    struct caller *c = context;
    for (int i = 0; i < WARM_UPS && !c->failed; i++) {
        c->failed = call_once(c) != LINCE_OK;
    }
    pthread_barrier_wait(&c->bench->start);
    double begin = cli_seconds(), now = begin;
    do {
        if (c->failed || call_once(c)) {
            c->failed = true;
            break;
        }
        double then = cli_seconds();
        c->failed = !keep(c, then - now);
        now = then;
    } while (!c->failed && now - begin < c->bench->duration);
    c->ended = now;
    return NULL;
}

static int open_sessions(struct bench *b)
{
    lince_error err;
    b->caller = calloc((size_t)b->concurrency, sizeof *b->caller);
    if (!b->caller) {
        app_say("no memory for %lld callers", (long long)b->concurrency);
        return CLI_FAILED;
    }
    for (int64_t i = 0; i < b->concurrency; i++) {
        b->caller[i].bench = b;
        if (cli_session_new(&b->caller[i].session, b->model.callable, &b->in.arguments, true, &err)) {
            return cli_failed(b->model.path, &err);
        }
    }
    double start = cli_seconds();
    if (call_once(&b->caller[0])) {
        return cli_failed(b->model.path, &b->caller[0].err);
    }
    b->first_ms = (cli_seconds() - start) * 1e3;
    return CLI_DONE;
}

static int run_callers(struct bench *b)
{
    pthread_barrier_init(&b->start, NULL, (unsigned)b->concurrency + 1);
    for (int64_t i = 0; i < b->concurrency; i++) {
        if (pthread_create(&b->caller[i].thread, NULL, measure, &b->caller[i])) {
            app_say("only %lld of %lld threads can be started", (long long)i, (long long)b->concurrency);
            exit(CLI_FAILED); /* the others wait for this one, and hold nothing outside the process */
        }
    }
    pthread_barrier_wait(&b->start);
    b->started = cli_seconds();
    int status = CLI_DONE;
    for (int64_t i = 0; i < b->concurrency; i++) {
        pthread_join(b->caller[i].thread, NULL);
        if (b->caller[i].failed && !status) {
            status = cli_failed(b->model.path, &b->caller[i].err);
        }
    }
    pthread_barrier_destroy(&b->start);
    return status;
}

/* ---- What came of it ---- */

struct summary {
    size_t calls;
    double least, median, p99, images_per_second;
    long long peak_bytes;
    char processor[128];
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void name_processor(char name[128])
{
    char line[512];
    FILE *file = fopen("/proc/cpuinfo", "r");
    strcpy(name, "unknown processor");
    while (file && fgets(line, sizeof line, file)) {
        const char *value = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL;
        if (value) {
            snprintf(name, 128, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
            break;
        }
    }
    if (file) {
        fclose(file);
    }
}

static int summarise(struct summary *s, const struct bench *b)
{
    struct rusage usage;
    double ended = b->started;
    *s = (struct summary){0};
    for (int64_t i = 0; i < b->concurrency; i++) {
        s->calls += b->caller[i].count;
        ended = b->caller[i].ended > ended ? b->caller[i].ended : ended;
    }
    double *all = malloc((s->calls + 1) * sizeof *all);
    if (!all) {
        app_say("no memory for %zu measurements", s->calls);
        return CLI_FAILED;
    }
    for (int64_t i = 0, at = 0; i < b->concurrency; i++) {
        memcpy(all + at, b->caller[i].latency, b->caller[i].count * sizeof *all);
        at += (int64_t)b->caller[i].count;
    }
    qsort(all, s->calls, sizeof *all, by_value);
    s->least = all[0] * 1e3;
    s->median = all[s->calls / 2] * 1e3;
    s->p99 = all[s->calls - 1 - s->calls / 100] * 1e3;
    s->images_per_second = (double)s->calls * (double)b->batch / (ended - b->started);
    free(all);
    getrusage(RUSAGE_SELF, &usage);
    s->peak_bytes = (long long)usage.ru_maxrss * 1024;
    name_processor(s->processor);
    return CLI_DONE;
}

static void print_json(const struct bench *b, const struct summary *s, const lince_model_info *facts)
{
    json_t *object = json_object(), *latency = json_object();
    json_object_set_new(latency, "min", app_json_real(s->least));
    json_object_set_new(latency, "p50", app_json_real(s->median));
    json_object_set_new(latency, "p99", app_json_real(s->p99));
    json_object_set_new(object, "images_per_second", app_json_real(s->images_per_second));
    json_object_set_new(object, "latency_ms", latency);
    json_object_set_new(object, "load_ms", app_json_real(b->model.load_ms));
    json_object_set_new(object, "first_call_ms", app_json_real(b->first_ms));
    json_object_set_new(object, "peak_rss_bytes", json_integer(s->peak_bytes));
    json_object_set_new(object, "model_bytes", json_integer((json_int_t)facts->peak_bytes));
    json_object_set_new(object, "model", app_json_text(b->model.path));
    json_object_set_new(object, "batch", json_integer(b->batch));
    json_object_set_new(object, "height", json_integer(b->in.tensor[0].dims[1]));
    json_object_set_new(object, "width", json_integer(b->in.tensor[0].dims[2]));
    json_object_set_new(object, "threads", json_integer(facts->threads));
    json_object_set_new(object, "concurrency", json_integer(b->concurrency));
    json_object_set_new(object, "calls", json_integer((json_int_t)s->calls));
    json_object_set_new(object, "isa", json_string(facts->isa));
    json_object_set_new(object, "machine", app_json_text(s->processor));
    json_object_set_new(object, "version", json_string(lince_version()));
    app_json_line(stdout, object);
}

static int print(const struct bench *b, const struct cli_args *args)
{
    struct summary s;
    lince_model_info facts = {.struct_size = sizeof facts};
    lince_error err;
    CLI_TRY(summarise(&s, b));
    if (lince_model_get_info(b->model.model, &facts, &err)) {
        return cli_failed(b->model.path, &err);
    }
    if (cli_json(args)) {
        print_json(b, &s, &facts);
        return cli_flush();
    }
    printf("%.1f images/s, latency: median %.2f ms, min %.2f, p99 %.2f; batch %lld of %lldx%lld, %d threads, "
           "concurrency %lld, load %.1f ms, first call %.1f ms, peak %.1f MB, %s, %s\n",
           s.images_per_second, s.median, s.least, s.p99, (long long)b->batch, (long long)b->in.tensor[0].dims[1],
           (long long)b->in.tensor[0].dims[2], (int)facts.threads, (long long)b->concurrency, b->model.load_ms,
           b->first_ms, (double)s.peak_bytes * 1e-6, facts.isa, s.processor);
    return cli_flush();
}

int cli_bench(const struct cli_args *args)
{
    struct bench b = {.batch = 1, .concurrency = 1, .duration = 3};
    CLI_TRY(cli_batch(args, &b.batch));
    CLI_TRY(cli_integer(args, OPT_CONCURRENCY, 1, MAX_CONCURRENCY, &b.concurrency));
    CLI_TRY(cli_number(args, OPT_SECONDS, 0, 3600, &b.duration));
    int status = cli_model_open(&b.model, args);
    status = status ? status : cli_inputs_image(&b.in, args, &b.model, b.batch);
    if (!status) {
        b.batch = b.in.tensor[0].dims[0];
        status = open_sessions(&b);
    }
    status = status ? status : run_callers(&b);
    status = status ? status : print(&b, args);
    for (int64_t i = 0; b.caller && i < b.concurrency; i++) {
        lince_session_free(b.caller[i].session);
        free(b.caller[i].latency);
    }
    free(b.caller);
    cli_inputs_free(&b.in);
    cli_model_close(&b.model);
    return status;
}
