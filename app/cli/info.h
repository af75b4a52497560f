/* What lince info gathers. */
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include <jansson.h>

void cli_info_print(const json_t *info); /* for people, on stdout */

#endif
