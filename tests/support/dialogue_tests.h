/* The tests that a program has which runs dialogues; their state points to its struct dialogues.
 *
 * For one test program, as disturbed.h is. */
#pragma once

#include "support/dialogue.h"

static void test_undisturbed(void **state) {
    const struct dialogues *all = *state;
    for (size_t i = 0; i < all->count; i++)
        run_undisturbed(&all->items[i]);
}

static void test_input_arrives_k_bytes_at_a_time(void **state) {
    for_every_k(*state, false, arrive_in_pieces);
}

static void test_eagain_after_every_k_bytes_read(void **state) {
    for_every_k(*state, false, read_in_pieces);
}

static void test_output_accepted_k_bytes_at_a_time(void **state) {
    for_every_k(*state, true, send_in_pieces);
}

static void test_both_ways_disturbed(void **state) {
    for_every_k(*state, false, disturb_both_ways);
}

static void test_reset_after_k_bytes_read(void **state) {
    for_every_k(*state, false, reset_while_reading);
}

static void test_reset_after_k_bytes_sent(void **state) {
    for_every_k(*state, true, reset_while_sending);
}

static void test_client_leaves_after_k_bytes(void **state) {
    for_every_k(*state, false, leave_early);
}

static void test_out_of_memory(void **state) {
    const struct dialogues *all = *state;
    for (size_t i = 0; i < all->count; i++) {
        for (size_t k = 0; k < 40; k++) {
            undisturbed();
            run_out_of_memory(&all->items[i], row_at(all->items[i].name, k), k);
        }
    }
}

/* The rows of all of them. `test` is a macro that makes a row of a function. */
#define DIALOGUE_TESTS(test)                                                                      \
    test(test_undisturbed), test(test_input_arrives_k_bytes_at_a_time),                           \
        test(test_eagain_after_every_k_bytes_read), test(test_output_accepted_k_bytes_at_a_time), \
        test(test_both_ways_disturbed), test(test_reset_after_k_bytes_read),                      \
        test(test_reset_after_k_bytes_sent), test(test_client_leaves_after_k_bytes),              \
        test(test_out_of_memory)
