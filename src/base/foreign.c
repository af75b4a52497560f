/* What a file is that was put where one of ours belongs. */
#include "base/base.h"

#include <string.h>
#include <strings.h>

static bool starts(struct li_bytes bytes, size_t at, const char *magic, size_t len)
{
    return bytes.len >= at + len && !memcmp(bytes.data + at, magic, len);
}

/* "<html", "<!doctype" and the like, after blanks, in any case. */
static bool is_html(struct li_bytes bytes)
{
    size_t i = 0;

    while (i < bytes.len && i < 256 && bytes.data[i] && strchr(" \t\r\n", bytes.data[i])) {
        i++;
    }
    return bytes.len - i >= 5 && (!strncasecmp((const char *)bytes.data + i, "<html", 5) ||
                                  !strncasecmp((const char *)bytes.data + i, "<!doc", 5));
}

static bool is_archive(struct li_bytes bytes)
{
    return starts(bytes, 0, "\x1f\x8b", 2) || starts(bytes, 0, "\xfd\x37zXZ", 5) || starts(bytes, 0, "BZh", 3) ||
           starts(bytes, 257, "ustar", 5);
}

const char *li_bytes_foreign(struct li_bytes bytes)
{
    if (is_archive(bytes)) {
        return "a packed archive; unpack it and open the folder inside";
    }
    if (starts(bytes, 0, "\x89HDF\r\n\x1a\n", 8)) {
        return "an HDF5 file, as Keras 2 saves with .h5; load it there and write it with model.export() or "
               "tf.saved_model.save()";
    }
    if (starts(bytes, 4, "TFL3", 4)) {
        return "a TensorFlow Lite model; open the SavedModel it was converted from";
    }
    if (starts(bytes, 0, "version https://git-lfs", 23)) {
        return "a Git LFS pointer, not the file itself; fetch it with `git lfs pull`";
    }
    return is_html(bytes) ? "an HTML page, as a failed download leaves it; download the model again" : NULL;
}
