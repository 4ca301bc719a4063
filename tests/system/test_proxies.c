/* Behind proxies, and the bounds on clients: curl, raw connections, haproxy, nginx and
 * caddy. */
#include "support/client.h"
#include "support/curl.h"
#include "support/scene.h"
#include "support/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define V2_HEADER "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x09\0\x01\0\x50"

/* Starts a server of one worker, which tells the shell of itself. */
#define SERVE(scene, ...)                                 \
    tree_text(&(scene)->tree, "file", "content\n");       \
    scene_serve(scene, "--workers=1", __VA_ARGS__, NULL); \
    shell_tell(scene)

/* Opens a connection that says what it likes first, and asks for something. */
static void open_with(struct client *client, const struct scene *scene, const void *header,
                      size_t len) {
    client_open(client, scene->server.port);
    client_send(client, header, len);
    client_send_request(client, "GET", "/file", "");
}

static void expect_status(struct client *client, int status) {
    struct response response;
    client_read(client, false, &response);
    assert_int_equal(response.status, status);
    response_deinit(&response);
}

static void test_curl_speaks_the_proxy_protocol(void **state) {
    struct scene *scene = *state;
    SERVE(scene, "--trust=127.0.0.1", "--proxy-protocol");
    curl_expect(curl(scene, "/file", "-sS", "--haproxy-protocol", NULL), "content\n");
    shell_run("test \"$(curl -sS -w '%{http_code}' -o /dev/null \"$URL/file\")\" = 400");
}

static void test_who_is_not_trusted_speaks_http(void **state) {
    struct scene *scene = *state;
    SERVE(scene, "--trust=10.0.0.0/8", "--proxy-protocol");
    curl_expect(curl(scene, "/file", "-sS", NULL), "content\n");
    shell_run(
        "test \"$(curl -sS -o /dev/null -w '%{http_code}' --haproxy-protocol \"$URL/file\")\" = "
        "400");
}

/* Both versions name the same client, who may have two connections. */
static void test_proxied_clients_are_counted(void **state) {
    struct scene *scene = *state;
    static const char v1[] = "PROXY TCP4 192.0.2.1 192.0.2.9 7 80\r\n";
    static const char other[] = "PROXY TCP4 192.0.2.2 192.0.2.9 7 80\r\n";
    struct client clients[4] = {CLIENT_INIT, CLIENT_INIT, CLIENT_INIT, CLIENT_INIT};
    SERVE(scene, "--trust=127.0.0.1", "--proxy-protocol", "--max-per-ip=2");
    open_with(&clients[0], scene, v1, sizeof v1 - 1);
    expect_status(&clients[0], 200);
    open_with(&clients[1], scene, V2_HEADER, sizeof V2_HEADER - 1);
    expect_status(&clients[1], 200);
    open_with(&clients[2], scene, v1, sizeof v1 - 1);
    expect_status(&clients[2], 503);
    open_with(&clients[3], scene, other, sizeof other - 1);
    expect_status(&clients[3], 200);
    for (size_t i = 0; i < 4; i++)
        client_close(&clients[i]);
}

/* The address is part of what a client is, and the port is not. */
static void test_clients_are_counted(void **state) {
    struct scene *scene = *state;
    struct client clients[3] = {CLIENT_INIT, CLIENT_INIT, CLIENT_INIT};
    SERVE(scene, "--max-per-ip=2");
    for (size_t i = 0; i < 2; i++) {
        open_with(&clients[i], scene, "", 0);
        expect_status(&clients[i], 200);
    }
    open_with(&clients[2], scene, "", 0);
    client_receive_all(&clients[2]);
    assert_int_equal(clients[2].len, 0);
    curl_expect(curl(scene, "/file", "-sS", "--interface", "127.0.0.2", NULL), "content\n");
    client_close(&clients[0]);
    client_close(&clients[2]);
    shell_run("for try in $(seq 200); do curl -sf \"$URL/file\" > /dev/null && exit 0; sleep 0.05; "
              "done; exit 1");
    client_close(&clients[1]);
}

static void test_the_idle_one_gives_way(void **state) {
    struct scene *scene = *state;
    struct client clients[3] = {CLIENT_INIT, CLIENT_INIT, CLIENT_INIT};
    SERVE(scene, "--max-connections=2");
    for (size_t i = 0; i < 3; i++) {
        open_with(&clients[i], scene, "", 0);
        expect_status(&clients[i], 200);
    }
    client_expect_end(&clients[0]);
    client_expect(&clients[1], "/file", 200);
    client_expect(&clients[2], "/file", 200);
    for (size_t i = 0; i < 3; i++)
        client_close(&clients[i]);
}

/* Nobody is idle: the third waits for one of the others. */
static void test_others_wait(void **state) {
    struct scene *scene = *state;
    struct client clients[3] = {CLIENT_INIT, CLIENT_INIT, CLIENT_INIT};
    SERVE(scene, "--max-connections=2");
    for (size_t i = 0; i < 2; i++) {
        client_open(&clients[i], scene->server.port);
        client_send_text(&clients[i], "GET /file HTTP/1.1\r\n");
    }
    server_await_fds(&scene->server, server_settled_fds(&scene->server));
    open_with(&clients[2], scene, "", 0);
    assert_false(client_receive(&clients[2], 300));
    client_send_text(&clients[0], "Host: a\r\n\r\n");
    expect_status(&clients[0], 200);
    expect_status(&clients[2], 200);
    client_expect_end(&clients[0]);
    for (size_t i = 0; i < 3; i++)
        client_close(&clients[i]);
}

/* What is paced arrives whole; that TCP is told to pace it is seen from outside. */
static void test_rate(void **state) {
    struct scene *scene = *state;
    tree_file(&scene->tree, "large", 7, 300000);
    SERVE(scene, "--send-rate=4M");
    shell_run("test \"$(curl -sS \"$URL/large\" | wc -c)\" = 300000\n"
              "port=${URL##*:}\n"
              "curl -sS --limit-rate 1 \"$URL/large\" > /dev/null & client=$!\n"
              "trap 'kill $client' EXIT\n"
              "for try in $(seq 200); do\n"
              "    ss -Htin state established \"( sport = :$port )\" | tr -d '\\n' | "
              "grep -q 'pacing_rate [^ ]*/33' && exit 0\n"
              "    sleep 0.05\n"
              "done\n"
              "ss -tin \"( sport = :$port )\"\n"
              "exit 1\n");
}

/* The documented configurations. All that differs is where they listen and where the certificate
 * is: an address of the loopback network that no other test has, and the tree. */
#define PREPARE                                                                                   \
    "cd \"$TREE\"\n"                                                                              \
    "PATH=$PATH:/usr/sbin:/usr/local/sbin\n"                                                      \
    "front=127.$((1 + $$ / 65536 % 250)).$(($$ / 256 % 256)).$(($$ % 256))\n"                     \
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "          \
    "-subj /CN=localhost -keyout site.key -out site.crt 2> openssl.log\n"                         \
    "cat site.crt site.key > site.pem\n"                                                          \
    "block() { awk -v start='```'\"$1\" '$0 == start { inside = 1; next } "                       \
    "/^```$/ { inside = 0 } inside' \"$DOCS/operations.md\"; }\n"                                 \
    "get() { curl -sSk --max-time 20 --connect-to \"::$front:8443\" \"$@\"; }\n"                  \
    "await() { for try in $(seq 200); do get https://localhost/file > /dev/null 2>&1 && return; " \
    "sleep 0.05; done; cat log; return 1; }\n"

static void tell_of_documents(void) {
    char directory[4096];
    assert_non_null(getcwd(directory, sizeof directory - 8));
    (void)snprintf(directory + strlen(directory), 8, "/docs");
    assert_int_equal(setenv("DOCS", directory, 1), 0);
}

/* What is the same for every proxy. */
#define CHECK_SITE                                                 \
    "test \"$(get https://localhost/file)\" = content\n"           \
    "test \"$(get --http1.1 https://localhost/file)\" = content\n" \
    "get -o large.out https://localhost/large\n"                   \
    "cmp large large.out\n"                                        \
    "test \"$(get -r 5-9 https://localhost/large | wc -c)\" = 5\n" \
    "get -I https://localhost/directory | grep -qi '^location: /directory/'\n"

/* Those that have the standard ports in their configurations. */
#define CHECK_REDIRECT                                                         \
    "curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' "                 \
    "--connect-to \"::$front:8080\" http://localhost/file | grep -q '^30[12] " \
    "https://localhost/file$'\n"

static void make_site(const struct scene *scene) {
    tree_file(&scene->tree, "large", 3, 3000000);
    tree_text(&scene->tree, "directory/index.html", "<p>a");
    tell_of_documents();
}

/* The address that arrives is the client's: another one may still connect when it has all it may
 * have. The first holds its connection, as it does not take what it has asked for. */
static void test_haproxy(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    tree_file(&scene->tree, "huge", 4, 64 << 20);
    SERVE(scene, "--trust=127.0.0.1", "--proxy-protocol", "--max-per-ip=1");
    shell_run(
        PREPARE
        "block haproxy | sed \"s|bind :80$|bind $front:8080|; s|bind :443|bind $front:8443|; "
        "s|/etc/haproxy/|$TREE/|; s|127.0.0.1:8080|${URL#http://}|\" > haproxy.cfg\n"
        "haproxy -db -f haproxy.cfg > log 2>&1 & proxy=$!\n"
        "trap 'kill $proxy; wait $proxy || :' EXIT\n"
        "await\n" CHECK_SITE CHECK_REDIRECT
        "get --interface 127.0.0.5 -N --limit-rate 1 -o held https://localhost/huge & client=$!\n"
        "trap 'kill $client $proxy; wait $proxy || :' EXIT\n"
        "for try in $(seq 400); do test -s held && break; sleep 0.05; done\n"
        "status() { get --interface \"$1\" -o /dev/null -w '%{http_code}' "
        "https://localhost/file; }\n"
        "test \"$(status 127.0.0.5)\" = 503\n"
        "test \"$(status 127.0.0.6)\" = 200\n");
}

static void test_nginx(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    SERVE(scene, "--trust=127.0.0.1");
    shell_run(PREPARE
              "block nginx | sed \"s|listen 80;|listen $front:8080;|; s|listen 443|listen "
              "$front:8443|; s|/etc/nginx/|$TREE/|; s|127.0.0.1:8080|${URL#http://}|; "
              "s|^http {|http { access_log off; client_body_temp_path $TREE/a; proxy_temp_path "
              "$TREE/b; fastcgi_temp_path $TREE/c; uwsgi_temp_path $TREE/d; scgi_temp_path "
              "$TREE/e;|\" > nginx.conf\n"
              "chmod 755 . && chmod 644 site.key\n"
              "nginx -p \"$TREE\" -c \"$TREE/nginx.conf\" -e stderr "
              "-g \"daemon off; pid $TREE/pid;\" > log 2>&1 & proxy=$!\n"
              "trap 'kill $proxy; wait $proxy || :' EXIT\n"
              "await\n" CHECK_SITE CHECK_REDIRECT);
}

/* The certificate is of its own making here. What a client claims to be is not believed; the log
 * is where the address that arrives is seen. */
static void test_caddy(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    SERVE(scene, "--trust=127.0.0.1", "--access-log", tree_path(&scene->tree, "access.log"));
    shell_run(PREPARE
              "cat > Caddyfile << end\n"
              "{\n admin off\n skip_install_trust\n default_bind $front\n"
              " http_port 8080\n https_port 8443\n}\n"
              "end\n"
              "block caddy | sed \"s|^example.org|localhost|; s|reverse_proxy|tls internal\\n&|; "
              "s|127.0.0.1:8080|${URL#http://}|\" >> Caddyfile\n"
              "HOME=$TREE XDG_DATA_HOME=$TREE/data XDG_CONFIG_HOME=$TREE/config "
              "caddy run --config Caddyfile --adapter caddyfile > log 2>&1 & proxy=$!\n"
              "trap 'kill $proxy; wait $proxy || :' EXIT\n"
              "await\n" CHECK_SITE "curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' "
              "--connect-to \"::$front:8080\" http://localhost/file | grep -q '^308 https://'\n"
              "get --interface 127.0.0.5 -H 'X-Forwarded-For: 192.0.2.7' https://localhost/claim\n"
              "for try in $(seq 200); do grep -q /claim access.log && break; sleep 0.05; done\n"
              "grep -q '^127.0.0.5 .*/claim' access.log\n");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        scene_test(test_curl_speaks_the_proxy_protocol),
        scene_test(test_who_is_not_trusted_speaks_http),
        scene_test(test_proxied_clients_are_counted),
        scene_test(test_clients_are_counted),
        scene_test(test_the_idle_one_gives_way),
        scene_test(test_others_wait),
        scene_test(test_rate),
        scene_test(test_haproxy),
        scene_test(test_nginx),
        scene_test(test_caddy),
    };
    return cmocka_run_group_tests_name("proxies", tests, NULL, NULL);
}
