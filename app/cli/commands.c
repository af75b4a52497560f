/*
 * The table of commands, and the table of options from options.def. The program and the one that writes its pages share
 * it.
 */
#include "args.h"

#include <string.h>

#ifdef CLI_PAGES
#define RUN(function) NULL
#else
#define RUN(function) function
#endif

const struct cli_command cli_commands[] = {
    {CMD_CLASSIFY, "classify", "MODEL IMAGE...", "photos to classes",
     "IMAGE is a JPEG, PNG, GIF, BMP or WebP file, a folder of such files and\n"
     "folders, or - for one photo on stdin. Photos come out in the order given,\n"
     "those of a folder sorted by name. A photo that cannot be read is reported\n"
     "and has no result; the others go on, and the exit status is 1.\n"
     "Softmax turns logits into shares of 1. Numbers that come out of a softmax or\n"
     "a sigmoid already are not changed, and that is said. A single number tells\n"
     "two classes apart: it is the probability of class 1, or its logit, and both\n"
     "classes are printed. Where the model gives texts beside its numbers, these\n"
     "are its labels.\n",
     "lince classify efficientnet_lite0 photos/ --labels labels.txt --top 3\n"
     "find . -name '*.jpg' | lince classify MODEL --files-from - --json\n",
     1, SIZE_MAX, RUN(cli_classify)},
    {CMD_EMBED, "embed", "MODEL IMAGE... --output F.npy", "photos to feature vectors",
     "Writes a float32 matrix with one row a photo, in the order given, and beside\n"
     "it the names of the rows. A photo that cannot be read has no row.\n",
     "lince embed MODEL photos/ --output features.npy\n", 1, SIZE_MAX, RUN(cli_embed)},
    {CMD_EVALUATE, "evaluate", "MODEL DIR", "how well a model tells photos apart",
     "DIR holds a folder for each class, named as the model's label is, with photos\n"
     "and folders of photos in it. Of a model without labels the folders, sorted by\n"
     "name, are the classes in their order, and there must be as many.\n"
     "The answer for a photo is what classify prints first. A photo that cannot be\n"
     "read is reported and not counted; the exit status is 1 then.\n"
     "precision is the share of the photos taken for a class that are of it, recall\n"
     "the share of its photos that were taken for it, F1 their harmonic mean.\n",
     "lince evaluate MODEL photos/ --report report.html\n"
     "lince evaluate efficientnet_lite0 photos/ --labels labels.txt --json\n",
     2, 2, RUN(cli_evaluate)},
    {CMD_RUN, "run", "MODEL", "call a model with arrays",
     "Passes only what is said. PATH is an argument's name or position, with the\n"
     "parts of a structure after it: images, 0, inputs/image, inputs/extra/0; a\n"
     "name's own ~ is written ~0 there, its own / is ~1.\n"
     "A result that is a dict or list makes the output a folder of PATH.npy.\n"
     "bfloat16 is stored as its bits, <u2; texts are stored as |S.\n",
     "lince run MODEL --input images.npy --output logits.npy\n"
     "lince run MODEL --input images.npy --set return_endpoints=true -o endpoints\n"
     "lince run MODEL --input x.npy --expect y.npy --atol 1e-5\n",
     1, 1, RUN(cli_run)},
    {CMD_INFO, "info", "MODEL", "what a model is, takes, gives and needs", "", "lince info MODEL --json\n", 1, 1,
     RUN(cli_info)},
    {CMD_VARIABLES, "variables", "MODEL", "list a model's variables, take them out, put them in",
     "Lists index, name, dtype and shape of each, and whether it is trained.\n"
     "--export writes an .npz file that numpy.load reads; what numpy.savez or\n"
     "savez_compressed wrote is put in by --import, which wants an array of the\n"
     "right name, dtype and shape for each variable, and nothing else. Variables of\n"
     "one name have #INDEX behind it, all but the first. bfloat16 is stored as its\n"
     "bits, <u2. Of texts nothing is taken out or put in: they stay.\n"
     "The new model has all else from MODEL as it is, and takes its place in one\n"
     "step.\n",
     "lince variables MODEL --export weights.npz\n"
     "lince variables MODEL --import weights.npz --output tuned\n",
     1, 1, RUN(cli_variables)},
    {CMD_DECODE, "decode", "IMAGE --output X.npy", "a picture as the array a model would see",
     "Writes uint8 [height, width, channels], or float32 with --float. - is stdin.\n",
     "lince decode photo.jpg --float --output photo.npy\n", 1, 1, RUN(cli_decode)},
    {CMD_BENCH, "bench", "MODEL", "measure how fast a model runs here",
     "Calls the model with random images. Latency is that of one call.\n",
     "lince bench MODEL --batch 8 --threads 2 --json\n", 1, 1, RUN(cli_bench)},
    {CMD_EXPLAIN, "explain", "MODEL", "the planned graph, step by step",
     "What was fused, which kernel a step takes, and why not a faster one.\n", "lince explain MODEL --size 224x224\n",
     1, 1, RUN(cli_explain)},
    {CMD_TRAIN, "train", "MODEL", "fine-tune a model on arrays",
     "Makes the steps that are asked for, in the order of the arrays, without\n"
     "shuffling. The model is called with training=True where it takes that, and\n"
     "its regularization losses are added, unless options say otherwise. A step\n"
     "that fails changes nothing.\n",
     "lince train MODEL --images x.npy --targets y.npy --steps 100 --output tuned\n"
     "lince train MODEL --images x.npy --targets y.npy --steps 1 --gradients g\n",
     1, 1, RUN(cli_train)},
    {CMD_RETRAIN, "retrain", "MODEL --images DIR", "a new classifier, from photos in class folders",
     "Puts a new layer behind MODEL, which gives features, or is a classifier and\n"
     "is cut, trains it on the photos, and writes a SavedModel that gives logits of\n"
     "the classes and has their names. Options have make_image_classifier's names,\n"
     "with dashes or underscores, and its defaults. A part of the photos of each\n"
     "class is not trained on: at the end the new model is evaluated on these, and\n"
     "the numbers are those of `lince evaluate`.\n"
     "Without augmentation the features of each photo are computed once. For a seed\n"
     "the result is the same bits, whatever the number of threads.\n"
     "A training that was killed goes on from where it was when the same command\n"
     "is given again; what it needs for that lies in .NAME.checkpoint beside the\n"
     "output's NAME, and is removed at the end.\n",
     "lince retrain MODEL --images flowers/ --output new --report new.html\n"
     "lince retrain MODEL --image_dir flowers --saved_model_dir new --do_fine_tuning\n",
     1, 1, RUN(cli_retrain)},
    {CMD_RESAVE, "resave", "MODEL --output DIR", "a model with signatures, or cut to a feature vector",
     "Writes a new SavedModel, which TensorFlow loads too. --signature adds what\n"
     "servers call: serving_default, which takes images, and serving_bytes, which\n"
     "takes the bytes of JPEG or PNG files where the size of images is known.\n"
     "--feature-vector takes what the last dense layer reads instead of what it\n"
     "gives, without dropout. --range, or --mean and --std, are built in, so that\n"
     "the new model takes images from 0 to 1, as the hub's interface has it.\n",
     "lince resave CLASSIFIER --feature-vector --output FEATURES\n"
     "lince resave MODEL --signature --size 224x224 --output SERVED\n",
     1, 1, RUN(cli_resave)},
    {CMD_OPS, "ops", "", "the TensorFlow ops that are supported", "", "", 0, 0, RUN(cli_ops)},
};
const size_t cli_command_count = APP_COUNT(cli_commands);

const struct cli_option_row cli_options[] = {
#define OPTION(id, letter, name, value, commands, help) {OPT_##id, letter, name, value, commands, help},
#include "options.def"
#undef OPTION
};
const size_t cli_option_count = APP_COUNT(cli_options);

const struct cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        if (strcmp(cli_commands[i].name, name) == 0) {
            return &cli_commands[i];
        }
    }
    return NULL;
}

void cli_help_all(FILE *to)
{
    fprintf(to, "lince runs TensorFlow 2 SavedModels for images, without TensorFlow.\n\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        fprintf(to, "  lince %-9s %-29s  %s\n", cli_commands[i].name, cli_commands[i].operands,
                cli_commands[i].summary);
    }
    fprintf(to, "\nMODEL is a folder with a saved_model.pb. `lince COMMAND --help` tells the options of a command.\n");
}

/* Words of `text` in lines of at most 100 columns; those after the first are indented. */
static void wrapped(FILE *to, const char *text, int indent)
{
    int at = indent;
    for (bool first = true; *text; first = false) {
        int len = (int)strcspn(text, " ");
        if (first) {
            fprintf(to, "%.*s", len, text);
        } else if (at + 1 + len > 100) {
            fprintf(to, "\n%*s%.*s", indent, "", len, text);
            at = indent - 1;
        } else {
            fprintf(to, " %.*s", len, text);
        }
        at += len + !first;
        text += len + (text[len] == ' ');
    }
    fputc('\n', to);
}

void cli_help_command(FILE *to, const struct cli_command *command)
{
    fprintf(to, "lince %s%s%s [OPTION]...: %s\n", command->name, *command->operands ? " " : "", command->operands,
            command->summary);
    fprintf(to, "%s%s\n", *command->text ? "\n" : "", command->text);
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option_row *o = &cli_options[i];
        if (!(o->commands & (unsigned)command->id)) {
            continue;
        }
        char left[128];
        int n = snprintf(left, sizeof left, "  %s--%s%s%s", o->letter ? (char[]){'-', o->letter, ',', ' ', 0} : "    ",
                         o->name, o->value ? " " : "", o->value ? o->value : "");
        if (n > 33) {
            fprintf(to, "%s\n%35s", left, "");
        } else {
            fprintf(to, "%-35s", left);
        }
        wrapped(to, o->help, 35);
    }
    if (*command->examples) {
        fprintf(to, "\n%s", command->examples);
    }
}
