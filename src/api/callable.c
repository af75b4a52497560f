/* lince_callable: what can be called, and what it accepts. */
#include "api.h"

static lince_callable *find(lince_model *model, const char *name)
{
    lince_callable *found = NULL;
    return lince_model_callable(model, name, &found, NULL) == LINCE_OK ? found : NULL;
}

lince_callable *lince_model_call(lince_model *model)
{
    return model ? find(model, "__call__") : NULL;
}

/* Of a Hub module always `default`, even beside a signature that serves. */
lince_callable *lince_model_default(lince_model *model)
{
    static const char *const names[] = {"__call__", "signatures.serving_default", "signatures.default"};
    struct li_model_facts facts;
    if (!model) {
        return NULL;
    }
    li_model_facts(model->model, &facts);
    lince_callable *found = facts.is_hub_module ? find(model, "signatures.default") : NULL;
    for (size_t i = 0; !found && i < LI_COUNT(names); i++) {
        found = find(model, names[i]);
    }
    return found ? found : model->callable_count == 1 ? &model->callables[0] : NULL;
}

size_t lince_model_callable_count(const lince_model *model)
{
    return model ? model->callable_count : 0;
}

lince_callable *lince_model_callable_at(lince_model *model, size_t index)
{
    return model && index < model->callable_count ? &model->callables[index] : NULL;
}

lince_status lince_model_callable(lince_model *model, const char *name, lince_callable **callable, lince_error *err)
{
    struct li_callable *found;
    LI_NEED("lince_model_callable", model);
    LI_NEED("lince_model_callable", callable);
    *callable = NULL;
    LI_TRY(li_model_callable(model->model, name, &found, err));
    for (size_t i = 0; i < model->callable_count; i++) {
        if (model->callables[i].callable == found) {
            *callable = &model->callables[i];
        }
    }
    return LINCE_OK;
}

const char *lince_callable_name(const lince_callable *callable)
{
    return callable ? callable->callable->name : "";
}

size_t lince_callable_argument_count(const lince_callable *callable)
{
    return callable ? callable->callable->parameter_count : 0;
}

lince_status lince_callable_argument(const lince_callable *callable, size_t index, lince_argument_info *info,
                                     lince_error *err)
{
    LI_NEED("lince_callable_argument", callable);
    LI_NEED("lince_callable_argument", info);
    const struct li_callable *c = callable->callable;
    if (index >= c->parameter_count) {
        return li_fail(err, LINCE_EINVAL, "argument %zu of %zu of %s", index, c->parameter_count, c->name);
    }
    const struct li_parameter *p = &c->parameter[index];
    const lince_argument_info full = {
        .name = p->name, .default_value = p->fallback_text, .keyword_only = p->keyword_only};
    return LI_FILL(lince_argument_info, info, &full, err);
}

lince_status lince_callable_unsupported(lince_callable *callable, const char *const **texts, size_t *count,
                                        lince_error *err)
{
    LI_NEED("lince_callable_unsupported", callable);
    LI_NEED("lince_callable_unsupported", texts);
    LI_NEED("lince_callable_unsupported", count);
    return li_callable_unsupported(callable->callable, texts, count, err);
}

lince_status lince_callable_ops(lince_callable *callable, const char *const **names, size_t *count, lince_error *err)
{
    LI_NEED("lince_callable_ops", callable);
    LI_NEED("lince_callable_ops", names);
    LI_NEED("lince_callable_ops", count);
    return li_callable_ops(callable->callable, names, count, err);
}
