/* Classify photos with a SavedModel: classify MODEL LABELS PHOTO... prints the best class of each. */
#include <lince.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 224, CLASSES = 1000 };

static int fail(const lince_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

static void print_label(const char *path, int line)
{
    char text[256] = "";
    FILE *f = fopen(path, "r");
    for (int i = 0; f && i <= line && fgets(text, sizeof text, f); i++) {
    }
    printf("%s", text[0] ? text : "?\n");
    if (f) {
        fclose(f);
    }
}

int main(int argc, char **argv)
{
    static float image[SIDE * SIDE * 3], logits[CLASSES];
    lince_model *model = NULL;
    lince_session *session = NULL;
    lince_error err;
    if (argc < 4) {
        fprintf(stderr, "usage: %s MODEL LABELS PHOTO...\n", argv[0]);
        return 2;
    }
    if (lince_model_open(&model, argv[1], NULL, &err) ||
        lince_session_new(&session, lince_model_call(model), NULL, 0, NULL, &err)) {
        return fail(&err);
    }
    for (int i = 3; i < argc; i++) {
        if (lince_image_load(argv[i], NULL, SIDE, SIDE, image, &err) ||
            lince_session_run_images(session, image, 1, SIDE, SIDE, logits, CLASSES, &err)) {
            return fail(&err);
        }
        int best = 0;
        for (int c = 1; c < CLASSES; c++) {
            best = logits[c] > logits[best] ? c : best;
        }
        printf("%s: ", argv[i]);
        print_label(argv[2], best);
    }
    lince_session_free(session);
    lince_model_close(model);
    return 0;
}
