/* Folders of class folders: what is found in them, and how it is divided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/common.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* In memory where that is: twenty thousand names take a disk half a minute. */
static char root[] = "/dev/shm/lince-dataset-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

/* Folders on the way are made; the file is empty: only names matter here. */
static void put(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s", path_of(name));
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
    if (path[strlen(path) - 1] != '/') {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fclose(f);
    }
}

static void put_photos(const char *class_name, int count)
{
    char name[128];
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/%d.jpg", class_name, i);
        put(name);
    }
}

static struct app_dataset open_set(const char *name)
{
    struct app_dataset set;
    lince_error err;
    if (app_dataset_open(&set, path_of(name), &err)) {
        fail_msg("%s", err.text);
    }
    return set;
}

static bool *split(const struct app_dataset *set, double fraction, uint64_t seed)
{
    bool *held = calloc(set->photos.count, sizeof *held);
    lince_error err;
    assert_int_equal(app_dataset_split(set, fraction, seed, held, &err), LINCE_OK);
    return held;
}

static size_t held_of(const struct app_dataset *set, const bool *held, size_t c)
{
    size_t n = 0;
    for (size_t i = set->first[c]; i < set->first[c + 1]; i++) {
        n += held[i];
    }
    return n;
}

static void classes_and_photos_are_sorted_and_other_files_left_out(void **state)
{
    static const char *const files[] = {"pets/dog/2.JPG",  "pets/dog/10.png",     "pets/dog/deep/er/1.webp",
                                        "pets/cat/b.jpeg", "pets/cat/notes.txt",  "pets/Ant/a.bmp",
                                        "pets/none/",      "pets/.hidden/no.jpg", "pets/beside.jpg",
                                        "pets/dog/.x.jpg", "pets/README"};
    static const char *const classes[] = {"Ant", "cat", "dog", "none"};
    static const char *const photos[] = {"Ant/a.bmp", "cat/b.jpeg", "dog/10.png", "dog/2.JPG", "dog/deep/er/1.webp"};
    static const size_t first[] = {0, 1, 2, 5, 5};
    (void)state;
    for (size_t i = 0; i < APP_COUNT(files); i++) {
        put(files[i]);
    }
    struct app_dataset set = open_set("pets/");
    assert_int_equal(set.class_name.count, 4);
    assert_int_equal(set.photos.count, 5);
    assert_int_equal(set.outside, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(set.class_name.text[i], classes[i]);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(set.photos.text[i] + strlen(path_of("pets/")), photos[i]);
        assert_int_equal(app_dataset_class(&set, i), i < 2 ? i : 2);
    }
    assert_memory_equal(set.first, first, sizeof first);
    app_dataset_free(&set);
}

static void what_is_no_folder_of_class_folders_is_refused(void **state)
{
    static const struct {
        const char *name;
        lince_status status;
        const char *part;
    } wrong[] = {{"nowhere", LINCE_ENOENT, "cannot be read"},
                 {"flat", LINCE_EINVAL, "holds 2 photos and no folders"},
                 {"flat/a.jpg", LINCE_EINVAL, "a folder of class folders is wanted"},
                 {"bare", LINCE_EINVAL, "no photos in its 2 folders"}};
    (void)state;
    put("flat/a.jpg");
    put("flat/b.jpg");
    put("bare/x/");
    put("bare/y/");
    for (size_t i = 0; i < APP_COUNT(wrong); i++) {
        struct app_dataset set;
        lince_error err;
        assert_int_equal(app_dataset_open(&set, path_of(wrong[i].name), &err), wrong[i].status);
        assert_non_null(strstr(err.text, wrong[i].part));
    }
}

static void every_class_is_divided_by_the_same_share(void **state)
{
    static const int counts[] = {0, 1, 2, 3, 10, 101};
    static const size_t fifth[] = {0, 0, 1, 1, 2, 20}, tiny[] = {0, 0, 1, 1, 1, 1}, most[] = {0, 0, 1, 2, 9, 100};
    char name[32];
    (void)state;
    for (size_t c = 0; c < APP_COUNT(counts); c++) {
        snprintf(name, sizeof name, "share/%zu/", c);
        put(name);
        snprintf(name, sizeof name, "share/%zu", c);
        put_photos(name, counts[c]);
    }
    struct app_dataset set = open_set("share");
    bool *some = split(&set, 0.2, 1), *few = split(&set, 1e-9, 1), *many = split(&set, 0.999, 1);
    bool *none = split(&set, 0, 1);
    for (size_t c = 0; c < APP_COUNT(counts); c++) {
        assert_int_equal(held_of(&set, some, c), fifth[c]);
        assert_int_equal(held_of(&set, few, c), tiny[c]);
        assert_int_equal(held_of(&set, many, c), most[c]);
        assert_int_equal(held_of(&set, none, c), 0);
    }
    free(some);
    free(few);
    free(many);
    free(none);
    app_dataset_free(&set);
}

/* The list of "share/5/N.jpg" that are held, as numbers. */
static void held_numbers(bool numbers[101], const struct app_dataset *set, const bool *held, const char *class_name)
{
    for (size_t i = 0; i < set->photos.count; i++) {
        if (strcmp(set->class_name.text[app_dataset_class(set, i)], class_name) == 0) {
            numbers[atoi(strrchr(set->photos.text[i], '/') + 1)] = held[i];
        }
    }
}

static void the_choice_follows_from_seed_and_names_alone(void **state)
{
    bool here[101], there[101], other[101];
    (void)state;
    put_photos("moved/to/another/place/5", 101); /* the same class and names as in "share", and another class */
    put_photos("moved/to/another/place/0", 7);
    struct app_dataset set = open_set("share"), moved = open_set("moved/to/another/place/");
    bool *a = split(&set, 0.2, 42), *b = split(&moved, 0.2, 42), *c = split(&set, 0.2, 43);
    held_numbers(here, &set, a, "5");
    held_numbers(there, &moved, b, "5");
    held_numbers(other, &set, c, "5");
    assert_memory_equal(here, there, sizeof here);
    assert_memory_not_equal(here, other, sizeof here);
    free(a);
    free(b);
    free(c);
    app_dataset_free(&set);
    app_dataset_free(&moved);
}

/* Each photo should be held for a fifth of the seeds, whatever its name: 40 +- 6 standard deviations of 200. */
static void no_name_is_held_more_often_than_another(void **state)
{
    static int times[101];
    (void)state;
    struct app_dataset set = open_set("share");
    size_t from = set.first[5];
    for (uint64_t seed = 0; seed < 200; seed++) {
        bool *held = split(&set, 0.2, seed);
        for (int i = 0; i < 101; i++) {
            times[i] += held[from + (size_t)i];
        }
        free(held);
    }
    for (int i = 0; i < 101; i++) {
        assert_in_range(times[i], 40 - 34, 40 + 34);
    }
    app_dataset_free(&set);
}

static void ten_thousand_classes_and_a_single_one_are_fine(void **state)
{
    enum { MANY = 10000 };
    char name[64];
    (void)state;
    put_photos("single/only", 3);
    struct app_dataset set = open_set("single");
    assert_int_equal(set.class_name.count, 1);
    app_dataset_free(&set);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many/%05d/a.jpg", i);
        put(name);
    }
    put("many/00000/b.jpg");
    put("many/09999/b.jpg");
    set = open_set("many");
    assert_int_equal(set.class_name.count, MANY);
    bool *held = split(&set, 0.1, 0);
    for (size_t c = 0; c < MANY; c++) {
        assert_int_equal(app_dataset_class(&set, set.first[c]), c);
        assert_int_equal(held_of(&set, held, c), c == 0 || c == MANY - 1);
    }
    free(held);
    app_dataset_free(&set);
}

static int make_root(void **state)
{
    (void)state;
    if (!mkdtemp(root)) {
        strcpy(root, "/tmp/lince-dataset-XXXXXX");
        return mkdtemp(root) ? 0 : -1;
    }
    return 0;
}

static int remove_root(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_and_photos_are_sorted_and_other_files_left_out),
        cmocka_unit_test(what_is_no_folder_of_class_folders_is_refused),
        cmocka_unit_test(every_class_is_divided_by_the_same_share),
        cmocka_unit_test(the_choice_follows_from_seed_and_names_alone),
        cmocka_unit_test(no_name_is_held_more_often_than_another),
        cmocka_unit_test(ten_thousand_classes_and_a_single_one_are_fine),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
