#include "conf/commandline.h"

#include <errno.h>
#include <string.h>

/* `name` is the word without dashes and value. */
static int unknown(const struct option_row *rows, struct slice name, const char *word,
                   struct err *err) {
    const struct option_row *guess = option_guess(rows, name);
    if (guess == NULL)
        return err_set(err, EINVAL, "unknown option '%s' (pronto --help lists them)", word);
    return err_set(err, EINVAL, "unknown option '%s' (did you mean --%s%s%s?)", word, guess->name,
                   option_gap(guess), guess->argument != NULL ? guess->argument : "");
}

/* The value of an option: what stands behind it in the same word, or the next word; a flag has
 * none there, nor has what may do without a value. */
static int take_value(struct commandline *line, struct commandline_item *item, const char *attached,
                      struct err *err) {
    item->text = attached;
    if (attached == NULL && !option_takes_word(item->row))
        item->text = "on";
    if (item->text == NULL && line->left > 0) {
        line->left--;
        item->text = *line->next++;
    }
    if (item->text == NULL)
        return err_set(err, EINVAL, "--%s needs a value: --%s %s", item->row->name, item->row->name,
                       item->row->argument);
    return 1;
}

/* "--name", "--name=value" */
static int read_long(struct commandline *line, struct commandline_item *item, const char *word,
                     struct err *err) {
    const char *equals = strchr(word, '=');
    struct slice name = slice_of_text(word + 2);
    if (equals != NULL)
        name.len = (size_t)(equals - word) - 2;
    item->row = option_find(line->rows, name);
    if (item->row == NULL)
        return unknown(line->rows, name, word, err);
    return take_value(line, item, equals != NULL ? equals + 1 : NULL, err);
}

/* The next letter of "-q", "-w4", "-w 4", "-qw4". */
static int read_letter(struct commandline *line, struct commandline_item *item, struct err *err) {
    const char *letter = line->letters;
    const struct option_row *row = line->rows;
    line->letters = letter[1] != '\0' ? letter + 1 : NULL;
    while (row->name != NULL && row->letter != *letter)
        row++;
    if (row->name == NULL) {
        const char word[] = {'-', *letter, '\0'};
        return unknown(line->rows, slice_of(letter, 1), word, err);
    }
    item->row = row;
    const char *attached = option_takes_word(row) ? line->letters : NULL;
    if (attached != NULL)
        line->letters = NULL;
    return take_value(line, item, attached, err);
}

int commandline_next(struct commandline *line, struct commandline_item *item, struct err *err) {
    if (line->letters != NULL)
        return read_letter(line, item, err);
    while (line->left > 0) {
        const char *word = *line->next++;
        line->left--;
        *item = (struct commandline_item){NULL, word};
        if (line->only_operands || word[0] != '-' || word[1] == '\0')
            return 1;
        if (word[1] != '-') {
            line->letters = word + 1;
            return read_letter(line, item, err);
        }
        if (word[2] != '\0')
            return read_long(line, item, word, err);
        line->only_operands = true;
    }
    return 0;
}
