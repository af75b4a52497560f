/* cmocka with the headers it wants before it, and base. */
#ifndef LI_UNIT_TEST_H
#define LI_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

#endif
