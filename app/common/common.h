/* common: what the programs share beside lince.h: messages, files that appear whole, .npy, JSON, lists of texts. */
#ifndef APP_COMMON_H
#define APP_COMMON_H

#include <lince.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define APP_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define APP_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Return early with a status that is not LINCE_OK. */
#define APP_TRY(call)                                                                                                  \
    do {                                                                                                               \
        lince_status app_status_ = (call);                                                                             \
        if (app_status_) {                                                                                             \
            return app_status_;                                                                                        \
        }                                                                                                              \
    } while (0)

/* ---- Messages (message.c) ---------------------------------------------------------------------------------------- */

/* Fill *err (may be NULL) and return the code. */
lince_status app_fail(lince_error *err, lince_status code, const char *format, ...) APP_PRINTF(3, 4);

/* One line on stderr, after "lince: ", as app_visible() shows it. */
void app_say(const char *format, ...) APP_PRINTF(1, 2);
void app_say_list(const char *format, va_list list);

/* Let stderr end in a text that the next one replaces, and a message erases; NULL: erase it. */
void app_bar(const char *text);

/* ---- Texts that strangers chose (text.c) ------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character that a text begins with; 0 when it is none. */
size_t app_character(const char *text);

/*
 * What a terminal may see of the first character: itself, or "?" for control characters and what is no UTF-8. Returns
 * the bytes it stands for.
 */
size_t app_visible(const char *text, const char **shown, size_t *shown_bytes);

bool app_ends(const char *text, const char *ending); /* in it, with something before it */

/* ---- Lists of texts (list.c) ------------------------------------------------------------------------------------- */

struct app_list {
    char **text;
    size_t count, room;
};

lince_status app_list_add(struct app_list *list, const char *text, lince_error *err); /* copies the text */
void app_list_sort(struct app_list *list, size_t from);                               /* bytewise, from that item on */
void app_list_free(struct app_list *list);

/*
 * The lines of a file ("-": stdin), without their ends and a byte order mark; the last may lack its end. Empty lines
 * count.
 */
lince_status app_list_lines(struct app_list *list, const char *path, lince_error *err);

/* ---- Names, found by what they are (names.c) --------------------------------------------------------------------- */

/* A name, borrowed, and which it is in the order that it came in. */
struct app_name {
    const char *text;
    size_t index;
};

void app_names_sort(struct app_name *names, size_t count); /* bytewise, of equal ones the earlier first */
/* The first of that name among sorted ones, or NULL. */
const struct app_name *app_names_find(const struct app_name *sorted, size_t count, const char *text);

/* ---- Photos in folders (photos.c, dataset.c) --------------------------------------------------------------------- */

bool app_is_photo(const char *name); /* by its ending */

/*
 * The photos of a folder, and of those in it, sorted by their paths: FOLDER/NAME. Hidden names are left out. A folder
 * that cannot be read stands there itself.
 */
lince_status app_photos_in(struct app_list *list, const char *folder, lince_error *err);

/*
 * A folder of class folders. Class c has the name class_name.text[c]; its photos are photos.text[first[c]] up to before
 * [first[c + 1]]. Classes and photos are sorted bytewise.
 */
struct app_dataset {
    char *folder;
    struct app_list class_name, photos;
    size_t *first;  /* class_name.count + 1 */
    size_t outside; /* photos that lie beside the class folders, and are not in the list */
};

/* LINCE_EINVAL when it has no class folder, or these no photo; LINCE_ENOENT, LINCE_EIO, LINCE_ENOMEM. */
lince_status app_dataset_open(struct app_dataset *set, const char *folder, lince_error *err);
void app_dataset_free(struct app_dataset *set);

size_t app_dataset_class(const struct app_dataset *set, size_t photo); /* of a photo of the list */

/*
 * Choose photos for validation: held[i] says whether photo i is one. Of the n of a class it is n * fraction, to the
 * nearest; from 2 photos on at least one, and all but one at most. fraction is in [0, 1); 0 holds none.
 *
 * They are those with the smallest hashes of seed and CLASS/NAME. So the choice depends on nothing else: not on where
 * the folder lies, nor on other classes; and of a photo that is added, few others notice.
 */
lince_status app_dataset_split(const struct app_dataset *set, double fraction, uint64_t seed, bool *held,
                               lince_error *err);

/* ---- Files (file.c, output.c) ------------------------------------------------------------------------------------ */

/*
 * A file's content ("-": stdin) of at most `limit` bytes: *data, aligned to 64 bytes and with room for one more, is the
 * caller's to free().
 */
lince_status app_read(const char *path, size_t limit, void **data, size_t *size, lince_error *err);

/*
 * A file under construction. It is written beside its final name and renamed by app_output_commit(), so no half file is
 * ever seen there; a signal that ends the program removes it. What is no regular file (a device, a pipe, "-" for
 * stdout) is written when finished. Of several outputs, all are finished before the first is committed.
 */
struct app_output {
    FILE *file;
    char *path, *temporary; /* temporary NULL: for something that is no regular file */
};

lince_status app_output_open(struct app_output *out, const char *path, lince_error *err);
lince_status app_output_finish(struct app_output *out,
                               lince_error *err); /* the disk has all of it; it lacks its name */
lince_status app_output_commit(struct app_output *out, lince_error *err); /* finishes; ends with app_output_discard() */
void app_output_discard(struct app_output *out);                          /* after a commit, or twice: does nothing */

/*
 * Between the two a signal that would end the program waits, for what cannot be left half done and no handler can
 * remove; the second raises it.
 */
void app_signals_hold(void);
void app_signals_release(void);

/*
 * The same for a folder of .npy files. An existing folder is replaced if it holds .npy files and such folders only;
 * another one is refused, so that a mistyped name destroys nothing.
 */
struct app_folder {
    char *path, *temporary;
};

lince_status app_folder_open(struct app_folder *out, const char *path, lince_error *err);
lince_status app_folder_commit(struct app_folder *out, lince_error *err);
void app_folder_discard(struct app_folder *out);

/*
 * FOLDER/NAME with the folders between them made. NAME must stay inside: no "..", no empty part. The caller's to
 * free().
 */
lince_status app_folder_file(const struct app_folder *out, const char *name, char **path, lince_error *err);

/* ---- .npy (npy.c, npy_write.c) ----------------------------------------------------------------------------------- */

/* An array with its memory. Strings point into `memory` too. */
struct app_array {
    lince_tensor tensor;
    void *memory, *strings;
};

/*
 * Read an array file, version 1.0 to 3.0: numbers of any byte order, booleans, |S and <U strings (to bytes and UTF-8),
 * |V2 as bfloat16;
 * Fortran order is turned into C order. Objects (pickles) and records are refused. Every number in the file is checked.
 */
lince_status app_npy_read(const char *path, struct app_array *out, lince_error *err);
lince_status app_npy_parse(const void *data, size_t size, struct app_array *out,
                           lince_error *err); /* keeps no pointer */
void app_array_free(struct app_array *array);

/* What an element type is stored as, such as "<f4"; NULL: it cannot be. Strings are "|S" with a length. */
const char *app_npy_descr(lince_dtype dtype);

/* Write a complete array. Fails for element types that cannot be stored. */
lince_status app_npy_write(FILE *file, const lince_tensor *tensor, lince_error *err);
lince_status app_npy_save(const char *path, const lince_tensor *tensor, lince_error *err);

/* What stands before the elements, which are no texts: *header is the caller's to free(). */
lince_status app_npy_header(const lince_tensor *tensor, unsigned char **header, size_t *size, lince_error *err);

/* A matrix of float32 whose number of rows is known at the end: the header keeps its length when written again. */
lince_status app_npy_rows_header(FILE *file, int64_t rows, int64_t columns, lince_error *err);

/* ---- .npz (npz.c, npz_write.c) ----------------------------------------------------------------------------------- */

struct zip_member;

/* An archive of arrays, as numpy.savez makes it, sorted by name. Its bytes are the caller's while it is open. */
struct app_npz {
    const unsigned char *data;
    size_t size, count;
    struct zip_member *member;
};

lince_status app_npz_open(struct app_npz *npz, const void *data, size_t size, lince_error *err);
void app_npz_close(struct app_npz *npz);
size_t app_npz_find(const struct app_npz *npz, const char *name); /* npz->count: it has none of that name */
void app_npz_name(const struct app_npz *npz, size_t i, const char **name, size_t *size); /* not ended by NUL */
/* Unpack and read one array, whose file takes at most `limit` bytes: LINCE_ELIMIT for a larger one. */
lince_status app_npz_read(const struct app_npz *npz, size_t i, size_t limit, struct app_array *out, lince_error *err);

/* An archive under construction, to a file from its beginning on; all zero but for the file at first. */
struct app_npz_writer {
    FILE *file;
    uint64_t offset;
    struct zip_member *member;
    size_t count, room;
};

lince_status app_npz_add(struct app_npz_writer *writer, const char *name, const lince_tensor *tensor, lince_error *err);
lince_status app_npz_end(struct app_npz_writer *writer, lince_error *err); /* write the directory */
void app_npz_writer_free(struct app_npz_writer *writer);                   /* the file stays the caller's */

/* ---- JSON (json.c) ----------------------------------------------------------------------------------------------- */

/* A name as JSON can hold it: bytes that are no UTF-8 become U+FFFD. */
struct json_t;
struct json_t *app_json_text(const char *text);
struct json_t *app_json_real(double value); /* null for what JSON cannot say: infinities and NaN */

/* One object on a line; consumes it. False when the stream has failed or memory is short. */
bool app_json_line(FILE *file, struct json_t *object);

#endif
