/* lince ops: what is supported. */
#include "say.h"

#include <jansson.h>

int cli_ops(const struct cli_args *args)
{
    json_t *names = json_array();
    for (size_t i = 0; i < lince_op_count(); i++) {
        json_array_append_new(names, json_string(lince_op_name(i)));
        if (!cli_json(args)) {
            printf("%s\n", lince_op_name(i));
        }
    }
    if (cli_json(args)) {
        json_t *object = json_object();
        json_object_set_new(object, "ops", json_incref(names));
        app_json_line(stdout, object);
    }
    json_decref(names);
    return cli_flush();
}
