/* The conversations of tests/conversations with the real server: all at once, each on a connection
 * of its own, in rounds. In a round each sends its next piece; then comes a pause, in which the
 * server reads what is there. So the server sees the pieces, and hundreds of clients between any
 * two of them. */
#include "support/client.h"
#include "support/conversation.h"
#include "support/scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ROUND_PAUSE_MS = 1,
    PIECES_MAX = 400, /* of one step that is sent byte by byte, about */
};

/* The length of the next piece, of `rest`, which is what is left of `len` bytes. */
typedef size_t cut_fn(struct slice rest, size_t len);

struct session {
    const struct conversation *conversation;
    struct client client;
    size_t step;
    size_t sent; /* bytes of this step */
    bool done;
};

/* Here, so that the teardown ends them, too, when a test fails. */
static struct conversations conversations;
static struct session *sessions;
static struct response received;

/* What to blame when an assertion fails that knows nothing of conversations. */
static const struct conversation *under_way;
static const char *manner;

static size_t cut_nowhere(struct slice rest, size_t len) {
    (void)len;
    return rest.len;
}

static size_t cut_in_halves(struct slice rest, size_t len) {
    return rest.len > len / 2 ? rest.len - len / 2 : rest.len;
}

static size_t cut_behind_lines(struct slice rest, size_t len) {
    const char *end = memmem(rest.ptr, rest.len, "\r\n", 2);
    (void)len;
    return end != NULL ? (size_t)(end - rest.ptr) + 2 : rest.len;
}

static size_t cut_everywhere(struct slice rest, size_t len) {
    size_t piece = len / PIECES_MAX + 1;
    return rest.len < piece ? rest.len : piece;
}

static void fail_expectation(const struct session *session, const struct response *response,
                             const char *what) {
    fail_msg("%s: %s: %s in:\n%s%.200s", session->conversation->place, session->conversation->name,
             what, response->head, response->body);
}

static void check_field(const struct session *session, const struct response *response,
                        const char *field) {
    char name[64];
    if (field[0] == '-') {
        if (response_field(response, field + 1) != NULL)
            fail_expectation(session, response, field);
        return;
    }
    const char *colon = strchr(field, ':');
    (void)snprintf(name, sizeof name, "%.*s", (int)(colon - field), field);
    const char *value = response_field(response, name);
    if (value == NULL || strcmp(value, colon + 2) != 0 || response_count_field(response, name) != 1)
        fail_expectation(session, response, field);
}

/* Content-Length, and that the content is what it should be. */
static void check_content(const struct session *session, const struct response *response,
                          const struct conversation_response *expected) {
    const char *value = response_field(response, "Content-Length");
    size_t length = value != NULL ? strtoul(value, NULL, 10) : 0;
    if ((value == NULL) != (expected->content == CONVERSATION_NOTHING))
        fail_expectation(session, response, "Content-Length");
    if (response->body_len != (expected->to_head ? 0 : length))
        fail_expectation(session, response, "the length of the content");
    switch (expected->content) {
    case CONVERSATION_NOTHING:
        break;
    case CONVERSATION_LENGTH:
        if (length != expected->length)
            fail_expectation(session, response, "another Content-Length");
        if (!expected->to_head && expected->text.ptr != NULL &&
            memcmp(response->body, expected->text.ptr, length) != 0)
            fail_expectation(session, response, "another content");
        break;
    case CONVERSATION_PAGE:
        if (length == 0)
            fail_expectation(session, response, "an empty page");
        if (!expected->to_head)
            response_assert_page(response);
        break;
    }
}

static bool is_last_response(const struct session *session) {
    for (size_t i = session->step + 1; i < session->conversation->count; i++) {
        if (session->conversation->steps[i].kind == CONVERSATION_EXPECT)
            return false;
    }
    return true;
}

static void check_response(const struct session *session, const struct response *response,
                           const struct conversation_response *expected) {
    bool closes = session->conversation->end == CONVERSATION_CLOSED && is_last_response(session);
    if (response->status != expected->status)
        fail_expectation(session, response, "another status");
    check_content(session, response, expected);
    for (size_t i = 0; expected->fields[i] != NULL; i++)
        check_field(session, response, expected->fields[i]);
    if (response_closes(response) != closes)
        fail_expectation(session, response, "Connection");
}

static void expect_response(struct session *session) {
    const struct conversation_step *step = &session->conversation->steps[session->step];
    const struct conversation_step *final = step->response.optional ? step + 1 : step;
    client_read(&session->client, final->response.to_head, &received);
    if (step->response.optional && received.status != step->response.status) {
        step = final;
        session->step++;
    }
    check_response(session, &received, &step->response);
    session->step++;
    response_deinit(&received);
}

static void expect_end(struct session *session) {
    struct client *client = &session->client;
    if (session->conversation->end == CONVERSATION_KEPT) {
        client_get(client, "/kept", &received);
        response_assert_status(&received, 200);
        response_assert_text(&received, "kept");
        response_deinit(&received);
        if (client_receive(client, 0) || client->len > 0)
            fail_msg("more than was asked for: %.200s", client->data + client->start);
    } else {
        client_expect_end(client);
    }
    client_close(client);
    session->done = true;
}

static void send_piece(struct session *session, cut_fn *cut) {
    struct slice bytes = session->conversation->steps[session->step].bytes;
    struct slice rest = slice_after(bytes, session->sent);
    size_t len = cut(rest, bytes.len);
    client_send(&session->client, rest.ptr, len);
    session->sent += len;
    if (session->sent == bytes.len) {
        session->sent = 0;
        session->step++;
    }
}

static void take_turn(struct session *session, cut_fn *cut) {
    const struct conversation *conversation = session->conversation;
    under_way = conversation;
    if (session->step == conversation->count) {
        expect_end(session);
        return;
    }
    switch (conversation->steps[session->step].kind) {
    case CONVERSATION_SEND:
        send_piece(session, cut);
        break;
    case CONVERSATION_EXPECT:
        expect_response(session);
        break;
    case CONVERSATION_HALF_CLOSE:
        client_half_close(&session->client);
        session->step++;
        break;
    }
}

/* Opens the connections; returns how many. */
static size_t open_sessions(uint16_t port, cut_fn *cut) {
    size_t opened = 0;
    sessions = calloc(conversations.count, sizeof *sessions);
    assert_non_null(sessions);
    for (size_t i = 0; i < conversations.count; i++) {
        sessions[i].client = (struct client)CLIENT_INIT;
        sessions[i].conversation = &conversations.items[i];
        sessions[i].done = sessions[i].conversation->whole && cut != cut_nowhere;
        if (sessions[i].done)
            continue;
        client_open(&sessions[i].client, port);
        opened++;
    }
    return opened;
}

static void hold_all(uint16_t port, cut_fn *cut) {
    size_t left = open_sessions(port, cut);
    while (left > 0) {
        for (size_t i = 0; i < conversations.count; i++) {
            if (sessions[i].done)
                continue;
            take_turn(&sessions[i], cut);
            left -= sessions[i].done ? 1 : 0;
        }
        note_pause_ms(ROUND_PAUSE_MS);
    }
}

/* The files that README.md in tests/conversations lists. */
static void make_files(const struct tree *tree) {
    static const struct timespec modified[2] = {{784111777, 0}, {784111777, 0}};
    char thousand[1001];
    for (size_t i = 0; i < 1000; i++)
        thousand[i] = (char)('0' + i % 10);
    thousand[1000] = '\0';
    tree_text(tree, "digits", "0123456789");
    tree_text(tree, "thousand", thousand);
    tree_text(tree, "kept", "kept");
    tree_text(tree, "empty", "");
    tree_text(tree, "a b", "space");
    tree_text(tree, ".hidden", "hidden");
    tree_text(tree, ".well-known/known", "known");
    tree_text(tree, "dir/index.html", "index");
    tree_text(tree, "bare/inner", "inner");
    tree_text(tree, "c\r\nd/inner", "inner");
    assert_int_equal(utimensat(AT_FDCWD, tree_path(tree, "digits"), modified, 0), 0);
}

static void read_etag(uint16_t port, char *etag, size_t size) {
    struct response response;
    client_get_once(port, "/digits", &response);
    response_assert_status(&response, 200);
    (void)snprintf(etag, size, "%s", response_field(&response, "ETag"));
    response_deinit(&response);
}

static void converse(struct scene *scene, const char *name, cut_fn *cut) {
    char etag[128];
    make_files(&scene->tree);
    /* On a slow machine all rounds together may take long. */
    scene_serve(scene, "--workers", "2", "--head-timeout", "5m", "--idle-timeout", "5m",
                "--listing", "off", NULL);
    read_etag(scene->server.port, etag, sizeof etag);
    conversations_read(&conversations, etag);
    manner = name;
    hold_all(scene->server.port, cut);
    under_way = NULL;
}

static void test_whole(void **state) {
    converse(*state, "whole", cut_nowhere);
}

static void test_in_halves(void **state) {
    converse(*state, "in halves", cut_in_halves);
}

static void test_line_by_line(void **state) {
    converse(*state, "line by line", cut_behind_lines);
}

static void test_byte_by_byte(void **state) {
    converse(*state, "byte by byte", cut_everywhere);
}

static int teardown(void **state) {
    if (under_way != NULL)
        note_say("it was %s, %s, sent %s", under_way->place, under_way->name, manner);
    for (size_t i = 0; sessions != NULL && i < conversations.count; i++)
        client_close(&sessions[i].client);
    free(sessions);
    response_deinit(&received);
    conversations_free(&conversations);
    sessions = NULL;
    under_way = NULL;
    return scene_teardown(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole, scene_setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_halves, scene_setup, teardown),
        cmocka_unit_test_setup_teardown(test_line_by_line, scene_setup, teardown),
        cmocka_unit_test_setup_teardown(test_byte_by_byte, scene_setup, teardown),
    };
    return cmocka_run_group_tests_name("conversations", tests, NULL, NULL);
}
