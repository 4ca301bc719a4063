#include "base/list.h"

#include "support/row.h"

#include <string.h>

struct item {
    char letter;
    struct list link;
};

enum { ITEMS = 4 };

struct fixture {
    struct list head;
    struct item items[ITEMS];
};

static void set_up(struct fixture *fixture, size_t count) {
    list_init(&fixture->head);
    for (size_t i = 0; i < ITEMS; i++) {
        fixture->items[i].letter = (char)('a' + i);
        list_init(&fixture->items[i].link);
        if (i < count)
            list_append(&fixture->head, &fixture->items[i].link);
    }
}

/* Compares with the letters of the members, forwards and, by the other links, backwards. */
static void assert_letters(const char *row, const struct list *head, const char *letters) {
    const size_t len = strlen(letters);
    size_t count = 0;
    for (const struct list *link = head->next; link != head; link = link->next) {
        row_assert(row, count < len);
        row_assert_number(row, list_entry(link, struct item, link)->letter, letters[count]);
        count++;
    }
    row_assert_number(row, count, len);
    for (const struct list *link = head->previous; link != head; link = link->previous) {
        row_assert(row, count > 0);
        count--;
        row_assert_number(row, list_entry(link, struct item, link)->letter, letters[count]);
    }
    row_assert_number(row, count, 0);
    row_assert_number(row, list_is_empty(head), len == 0);
}

static void test_append(void **state) {
    (void)state;
    static const char *const letters[ITEMS + 1] = {"", "a", "ab", "abc", "abcd"};
    struct fixture fixture;
    for (size_t count = 0; count <= ITEMS; count++) {
        set_up(&fixture, count);
        assert_letters(letters[count], &fixture.head, letters[count]);
    }
}

static void test_remove(void **state) {
    (void)state;
    static const char *const left[ITEMS] = {"bcd", "acd", "abd", "abc"};
    struct fixture fixture;
    for (size_t i = 0; i < ITEMS; i++) {
        set_up(&fixture, ITEMS);
        list_remove(&fixture.items[i].link);
        assert_letters(left[i], &fixture.head, left[i]);
        assert_true(list_is_empty(&fixture.items[i].link));
        list_remove(&fixture.items[i].link);
        assert_letters("taken out twice", &fixture.head, left[i]);
        list_append(&fixture.head, &fixture.items[i].link);
        assert_false(list_is_empty(&fixture.items[i].link));
    }
}

static void test_remove_while_walking(void **state) {
    (void)state;
    struct fixture fixture;
    size_t walked = 0;
    set_up(&fixture, ITEMS);
    list_for_each(link, &fixture.head) {
        if (list_entry(link, struct item, link)->letter != 'c')
            list_remove(link);
        walked++;
    }
    assert_int_equal(walked, ITEMS);
    assert_letters("one is left", &fixture.head, "c");
    set_up(&fixture, 0);
    list_for_each(link, &fixture.head) {
        (void)link;
        fail_msg("an empty list has a member");
    }
}

static void test_splice(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t to;   /* the first so many items are in the one list */
        size_t from; /* as many behind them in the other */
        const char *letters;
    } rows[] = {
        {"both empty", 0, 0, ""},        {"from is empty", 2, 0, "ab"},
        {"to is empty", 0, 2, "ab"},     {"one each", 1, 1, "ab"},
        {"two and two", 2, 2, "abcd"},   {"one and three", 1, 3, "abcd"},
        {"three and one", 3, 1, "abcd"},
    };
    for (size_t row = 0; row < ROWS_COUNT(rows); row++) {
        struct fixture fixture;
        struct list from;
        set_up(&fixture, rows[row].to);
        list_init(&from);
        for (size_t i = rows[row].to; i < rows[row].to + rows[row].from; i++)
            list_append(&from, &fixture.items[i].link);
        list_splice(&fixture.head, &from);
        assert_letters(rows[row].name, &fixture.head, rows[row].letters);
        assert_letters(rows[row].name, &from, "");
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_remove_while_walking),
        cmocka_unit_test(test_splice),
    };
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
