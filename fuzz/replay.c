/*
 * Runs a fuzz target over files and folders of files, without libFuzzer: each file whole, and cut short at a few
 * places.
 *
 *     fuzz_proto FILE|FOLDER...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long inputs;

/* In memory of exactly this size, so that the address sanitizer and valgrind see a read past the end. */
static void run_bytes(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy) {
        abort();
    }
    if (size) {
        memcpy(copy, data, size);
    }
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    inputs++;
}

static int run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1);

    if (!file || !data || fread(data, 1, size, file) != size) {
        perror(path);
        free(data);
        if (file) {
            fclose(file);
        }
        return 1;
    }
    fclose(file);
    run_bytes(data, size);
    for (size_t cut = size / 2; cut > 0; cut /= 4) {
        run_bytes(data, size - cut);
    }
    free(data);
    return 0;
}

static int run_path(const char *path)
{
    struct stat st;
    int failed = 0;

    if (stat(path, &st) != 0) {
        perror(path);
        return 1;
    }
    if (!S_ISDIR(st.st_mode)) {
        return run_file(path, (size_t)st.st_size);
    }
    struct dirent **entry;
    int count = scandir(path, &entry, NULL, alphasort);
    if (count < 0) {
        perror(path);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        char inner[4096];
        if (entry[i]->d_name[0] != '.') {
            snprintf(inner, sizeof inner, "%s/%s", path, entry[i]->d_name);
            failed |= run_path(inner);
        }
        free(entry[i]);
    }
    free(entry);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;

    run_bytes(NULL, 0);
    for (int i = 1; i < argc; i++) {
        failed |= run_path(argv[i]);
    }
    printf("%ld inputs\n", inputs);
    return failed;
}
