/* Configuration files. Input: the text of one. */
#include "conf/configfile.h"

#include "fuzz/fuzz.h"

/* What is read is within the text; a name has no white space around it. */
static void check_item(const struct configfile_item *item, struct slice text, size_t line) {
    struct slice value = slice_of_text(item->value);
    CHECK(item->line > line);
    CHECK(item->name.len > 0);
    CHECK(slice_trim(item->name).len == item->name.len);
    CHECK(slice_find(item->name, '=') == item->name.len);
    CHECK(slice_find(item->name, '#') == item->name.len);
    CHECK(fuzz_is_within(item->name, text));
    CHECK(fuzz_is_within(slice_of(item->value, value.len + 1), text));
}

/* What is written is read as what it was, also when it is read in the midst of other lines. */
static void check_written(const struct configfile_item *item, FILE *stream, char **memory) {
    struct configfile_item again;
    struct err err = ERR_INIT;
    rewind(stream);
    fputs("# comment\n\n", stream);
    configfile_put(stream, "name", slice_of_text(item->value));
    fputs("x = y\n", stream);
    fputc('\0', stream);
    CHECK(fflush(stream) == 0);
    struct configfile file = CONFIGFILE_INIT(*memory);
    CHECK(configfile_next(&file, &again, &err) == 1);
    CHECK(again.line == 3);
    CHECK(slice_equal(again.name, SLICE("name")));
    CHECK(strcmp(again.value, item->value) == 0);
    CHECK(configfile_next(&file, &again, &err) == 1);
    CHECK(slice_equal(again.name, SLICE("x")) && strcmp(again.value, "y") == 0);
    CHECK(configfile_next(&file, &again, &err) == 0);
}

static void check_items(struct configfile *file, struct slice text) {
    struct configfile_item item = {.line = 0};
    struct err err = ERR_INIT;
    char *memory = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&memory, &len);
    int result;
    CHECK(stream != NULL);
    for (size_t line = 0; (result = configfile_next(file, &item, &err)) > 0; line = item.line) {
        check_item(&item, text, line);
        check_written(&item, stream, &memory);
    }
    CHECK(fclose(stream) == 0);
    CHECK((result < 0) == (err.text[0] != '\0'));
    CHECK(result < 0 || file->rest == NULL);
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    struct configfile file = CONFIGFILE_INIT(text);
    check_items(&file, slice_of(text, size + 1));
    free(text);
    return 0;
}
