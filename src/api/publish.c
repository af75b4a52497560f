/* lince_publish. */
#include "api.h"

#include <string.h>

void lince_head_init(lince_head *head)
{
    if (head) {
        *head = (lince_head){.struct_size = sizeof *head};
    }
}

void lince_publish_options_init(lince_publish_options *options)
{
    if (options) {
        *options = (lince_publish_options){.struct_size = sizeof *options, .std = {1, 1, 1}};
    }
}

/* The caller's struct in the size the caller knows. */
static lince_status read_struct(void *to, const void *from, size_t given, size_t size, const char *type,
                                lince_error *err)
{
    if (given == 0 || given > size) {
        return li_fail(err, LINCE_EINVAL, "%s.struct_size is %zu; %s_init() sets it", type, given, type);
    }
    memcpy(to, from, given);
    return LINCE_OK;
}

static lince_status read_head(struct li_head *to, const lince_head *from, lince_error *err)
{
    lince_head head;
    lince_head_init(&head);
    LI_TRY(read_struct(&head, from, from->struct_size, sizeof head, "lince_head", err));
    if (!head.kernel || !head.bias) {
        return li_fail(err, LINCE_EINVAL, "the head has no %s", head.kernel ? "bias" : "kernel");
    }
    *to = (struct li_head){head.features, head.classes, head.kernel, head.bias, head.dropout, head.l1, head.l2};
    return LINCE_OK;
}

/* What a signature calls the only tensor that it gives. */
static const char *result_name(const lince_publish_options *o, const lince_task_info *task)
{
    bool scores = task->task == LINCE_TASK_CLASSIFICATION;
    return o->head                               ? "logits"
           : o->cut                              ? "feature_vector"
           : task->task == LINCE_TASK_FEATURES   ? "feature_vector"
           : !scores                             ? "output_0"
           : task->scores == LINCE_SCORES_LOGITS ? "logits"
                                                 : "probabilities";
}

static lince_status publish(lince_model *model, const char *path, const lince_publish_options *o, lince_error *err)
{
    lince_callable *body = o->body ? o->body : lince_model_default(model);
    lince_task_info task = {.struct_size = sizeof task};
    struct li_head head;
    if (!body || body->owner != model) {
        return li_fail(err, LINCE_EINVAL, "lince_publish: %s",
                       body ? "the body is of another model" : "nothing stands out to be the body; choose one");
    }
    if (o->head) {
        LI_TRY(read_head(&head, o->head, err));
    }
    for (size_t i = 0; i < o->label_count; i++) {
        if (!o->labels || !o->labels[i]) {
            return li_fail(err, LINCE_EINVAL, "lince_publish: label %zu is NULL", i);
        }
    }
    LI_TRY(lince_callable_task(body, o->output, &task, err));
    const struct li_publication what = {.callable = body->callable,
                                        .output = o->output ? o->output : task.output,
                                        .cut = o->cut != 0,
                                        .head = o->head ? &head : NULL,
                                        .mean = {o->mean[0], o->mean[1], o->mean[2]},
                                        .std = {o->std[0], o->std[1], o->std[2]},
                                        .label = o->labels,
                                        .labels = o->label_count,
                                        .height = o->height,
                                        .width = o->width,
                                        .result = result_name(o, &task),
                                        .overwrite = o->overwrite != 0};
    return li_publish(model->model, path, &what, err);
}

lince_status lince_publish(lince_model *model, const char *path, const lince_publish_options *options, lince_error *err)
{
    lince_publish_options o;
    LI_NEED("lince_publish", model);
    LI_NEED("lince_publish", path);
    lince_publish_options_init(&o);
    if (options) {
        LI_TRY(read_struct(&o, options, options->struct_size, sizeof o, "lince_publish_options", err));
    }
    return publish(model, path, &o, err);
}
