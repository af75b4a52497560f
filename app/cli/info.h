/* What lince info gathers. */
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include <jansson.h>
#include <lince.h>

void cli_info_print(const json_t *info); /* for people, on stdout */

/*
 * The variables as a list under "variables" (variables.c). "trainable" is what the model's list says where it has one,
 * since that decides; else the variable's own flag.
 */
int cli_variables_json(json_t *into, const lince_model *model, const char *path);
/* "float32[3,3,3,6]", from an element of that list. */
void cli_variable_print(const json_t *variable);

#endif
