/* Looking up map entries: repeated messages of key and value, where the last one with a key wins. */
#include "proto/proto.h"

#include <string.h>

/* NAME(entries, n, key): the value, an empty message standing in for an entry that has none. */
#define LOOKUP(NAME, ENTRY, VALUE, INIT)                                                                               \
    const VALUE *NAME(ENTRY *const *entries, size_t n, const char *key)                                                \
    {                                                                                                                  \
        static const VALUE empty = INIT;                                                                               \
        while (n--) {                                                                                                  \
            if (strcmp(entries[n]->key, key) == 0) {                                                                   \
                return entries[n]->value ? entries[n]->value : &empty;                                                 \
            }                                                                                                          \
        }                                                                                                              \
        return NULL;                                                                                                   \
    }

LOOKUP(li_proto_attr, Tf__AttrEntry, Tf__AttrValue, TF__ATTR_VALUE__INIT)
LOOKUP(li_proto_field, Tf__StructuredEntry, Tf__StructuredValue, TF__STRUCTURED_VALUE__INIT)
LOOKUP(li_proto_collection, Tf__CollectionEntry, Tf__CollectionDef, TF__COLLECTION_DEF__INIT)
