/* Changes, with a clock that stands where the test puts it. */
#include "store/changes.h"

#include "support/no_memory.h"
#include "support/row.h"

#include <stdlib.h>
#include <string.h>

static struct changes changes;
static int64_t now_ms;

static int setup(void **state) {
    (void)state;
    now_ms = 1000;
    out_of_memory = false;
    changes_init(&changes, &now_ms);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    changes_deinit(&changes);
    changes_deinit(&changes); /* idempotent */
    return 0;
}

static void note(const char *target) {
    changes_note(&changes, slice_of_text(target), SLICE("text/css"));
}

/* Fails unless those that may be told of behind `after` are these: targets, each with a blank
 * behind it; "*" is everything. */
static void expect(const char *row, uint64_t after, const char *targets) {
    char text[8192] = "";
    const struct change *change;
    while ((change = changes_next(&changes, after)) != NULL) {
        row_assert(row, change->number > after);
        after = change->number;
        if (change->target.ptr == NULL)
            strcat(text, "*");
        else
            strncat(text, change->target.ptr, change->target.len);
        strcat(text, " ");
    }
    assert_string_equal(text, targets);
}

static void test_starts_with_everything(void **state) {
    (void)state;
    expect("at first", 0, "* ");
    expect("known", 1, "");
    assert_int_equal(changes_next(&changes, 0)->at_ms, 1000);
    assert_int_equal(changes_due_ms(&changes), INT64_MAX);
    assert_false(changes_settle(&changes));
}

static void test_texts_are_copied(void **state) {
    (void)state;
    char target[] = "/a";
    char type[] = "text/html";
    changes_note(&changes, slice_of_text(target), slice_of_text(type));
    memset(target, 'x', sizeof target);
    memset(type, 'x', sizeof type);
    now_ms += CHANGES_QUIET_MS;
    assert_true(changes_settle(&changes));
    const struct change *change = changes_next(&changes, 1);
    row_assert_slice("target", change->target, SLICE("/a"));
    row_assert_slice("type", change->type, SLICE("text/html"));
    assert_int_equal(change->at_ms, 1000);
}

/* What happens, and when; the time when they are due then. */
static void test_when_they_are_due(void **state) {
    static const struct {
        const char *name;
        const char *steps; /* 'n': noted, 's': something stirs; a step each 20 ms, '.': nothing */
        int64_t due_ms;    /* since the first */
    } rows[] = {
        {"one", "n", CHANGES_QUIET_MS},
        {"two", "nn", 20 + CHANGES_QUIET_MS},
        {"stirred", "n.s", 40 + CHANGES_QUIET_MS},
        {"both", "nsn", 40 + CHANGES_QUIET_MS},
        {"for long", "nsssssssssssssssss", 17 * 20 + CHANGES_QUIET_MS},
        {"for too long", "nssssssssssssssssssssssssssssss", CHANGES_PUT_OFF_MS},
        {"many for too long", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", CHANGES_PUT_OFF_MS},
        {"only stirred", "sss", INT64_MAX - 1000},
    };
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        changes_deinit(&changes);
        now_ms = 1000;
        changes_init(&changes, &now_ms);
        for (const char *step = rows[i].steps; *step != '\0'; step++) {
            if (*step == 'n')
                note("/a");
            else if (*step == 's')
                changes_stir(&changes);
            if (step[1] != '\0')
                now_ms += 20;
        }
        row_assert_number(rows[i].name, changes_due_ms(&changes) - 1000, rows[i].due_ms);
    }
}

static void test_none_is_told_before_it_is_due(void **state) {
    (void)state;
    note("/a");
    expect("at once", 1, "");
    now_ms += CHANGES_QUIET_MS - 1;
    assert_false(changes_settle(&changes));
    expect("too early", 1, "");
    now_ms++;
    assert_true(changes_settle(&changes));
    expect("due", 1, "/a ");
    assert_false(changes_settle(&changes)); /* once */
    note("/b");
    expect("the next one", 1, "/a ");
    now_ms += CHANGES_QUIET_MS;
    assert_true(changes_settle(&changes));
    expect("both", 1, "/a /b ");
    expect("the second", 2, "/b ");
}

static void test_the_oldest_stand_for_everything(void **state) {
    (void)state;
    for (int i = 0; i < CHANGES_KEPT + 3; i++) {
        note("/a");
        now_ms++;
    }
    now_ms += CHANGES_QUIET_MS;
    assert_true(changes_settle(&changes));
    const struct change *first = changes_next(&changes, 0);
    assert_null(first->target.ptr);
    assert_int_equal(first->number, 4); /* the first three, and what it started with */
    assert_int_equal(first->at_ms, 1002);
    assert_int_equal(changes_next(&changes, 4)->number, 5);
    row_assert_slice("the next", changes_next(&changes, 4)->target, SLICE("/a"));
    assert_int_equal(changes_next(&changes, CHANGES_KEPT + 3)->number, CHANGES_KEPT + 4);
    assert_null(changes_next(&changes, CHANGES_KEPT + 4));
}

static void test_everything(void **state) {
    (void)state;
    note("/a");
    changes_note_all(&changes);
    note("/b");
    now_ms += CHANGES_QUIET_MS;
    assert_true(changes_settle(&changes));
    expect("one stands for all before it", 1, "* /b ");
}

static void test_what_cannot_be_kept_is_everything(void **state) {
    (void)state;
    static char longest[CHANGES_TARGET_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    note("/a");
    note(longest);
    longest[CHANGES_TARGET_MAX] = '\0';
    note(longest);
    out_of_memory = true;
    note("/b");
    out_of_memory = false;
    note("/c");
    now_ms += CHANGES_QUIET_MS;
    assert_true(changes_settle(&changes));
    expect("no memory", 1, "* /c ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_starts_with_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_texts_are_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_when_they_are_due, setup, teardown),
        cmocka_unit_test_setup_teardown(test_none_is_told_before_it_is_due, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_oldest_stand_for_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_kept_is_everything, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
