/* Conversations: a text is what happens, line by line, in the language of support/dns_text.h.
 *
 *     +MS            time passes, and what is due is sent
 *     < MESSAGE      comes from a neighbour, 192.0.2.9, from the port of multicast DNS to the group
 *     <IP:PORT M     from another one; <IP:PORT>M to this host alone
 *     > MESSAGE      was sent to the group, or to
 *     >IP:PORT M     one host; all that was sent has to be there
 *     up, down, move the link has its address; none; another one
 *     stop           it takes its leave
 *
 * The host is 192.0.2.1, on a link with the number 3, and what is sent to two groups is there
 * once. Random delays are as long as they can be, as the test does not depend on chance. */
#include "mdns/responder.h"

#include "support/dns_text.h"
#include "support/guard.h"

enum { NOW_MS = 1000000, SENT_MAX = 64, LINK = 3 };

struct sent {
    unsigned link;
    uint8_t ip_len;
    struct ip to;
    uint16_t port;
    char bytes[MESSAGE_MAX];
    size_t len;
};

struct scene {
    struct responder responder;
    int64_t now_ms;
    struct sent sent[SENT_MAX];
    size_t count;
    size_t taken;
};

static void keep(void *context, const struct responder_packet *packet) {
    struct scene *scene = context;
    struct sent *sent = &scene->sent[scene->count];
    assert_true(scene->count < SENT_MAX);
    assert_true(packet->bytes.len <= MESSAGE_MAX);
    *sent = (struct sent){packet->link, packet->ip_len, packet->to, packet->port,
                          .len = packet->bytes.len};
    memcpy(sent->bytes, packet->bytes.ptr, packet->bytes.len);
    scene->count++;
}

static int64_t choose_most(void *context, int64_t min, int64_t max) {
    (void)context;
    assert_true(min <= max);
    return max;
}

static struct ip ip(struct slice text) {
    struct ip ip = {.len = 0};
    assert_true(ip_parse(text, &ip));
    return ip;
}

static void set_address(struct scene *scene, const char *text) {
    struct links links = {.count = 0};
    if (text != NULL) {
        const struct link_address address = {ip(slice_of_text(text)), 24, .is_served = true};
        links_add(&links, LINK, &address);
    }
    responder_set_links(&scene->responder, &links, scene->now_ms);
}

static void receive(struct scene *scene, struct link_sender sender, struct slice text) {
    char memory[MESSAGE_MAX];
    char line[DNS_TEXT_MAX];
    (void)snprintf(line, sizeof line, "%.*s", (int)text.len, text.ptr);
    responder_receive(&scene->responder, &sender, dns_message(line, memory), scene->now_ms);
    responder_tick(&scene->responder, scene->now_ms);
}

/* "< MESSAGE", "<IP:PORT MESSAGE", "<IP:PORT>MESSAGE" */
static void hear(struct scene *scene, struct slice line) {
    struct link_sender sender = {LINK, ip(SLICE("192.0.2.9")), MESSAGE_PORT, .to_group = true};
    struct slice from;
    struct slice rest = slice_after(line, 1);
    uint64_t port = 0;
    if (line.ptr[1] == ' ') {
        receive(scene, sender, slice_after(line, 2));
        return;
    }
    sender.to_group = slice_find(rest, ' ') < slice_find(rest, '>');
    assert_true(slice_cut(&rest, ':', &from));
    sender.ip = ip(from);
    assert_true(slice_cut(&rest, sender.to_group ? ' ' : '>', &from) &&
                number_parse(from, UINT16_MAX, &port));
    sender.port = (uint16_t)port;
    receive(scene, sender, rest);
}

static void put_sent(struct buf *buf, const struct sent *sent) {
    buf_put_char(buf, '>');
    for (size_t i = 0; i < sent->to.len; i++) {
        if (i > 0)
            buf_put_char(buf, '.');
        buf_put_number(buf, sent->to.bytes[i]);
    }
    if (sent->to.len > 0) {
        buf_put_char(buf, ':');
        buf_put_number(buf, sent->port);
    } else {
        assert_int_equal(sent->port, MESSAGE_PORT);
    }
    buf_put_char(buf, ' ');
    dns_put_message(buf, slice_of(sent->bytes, sent->len));
}

static void expect_sent(const char *row, struct scene *scene, struct slice line) {
    char memory[DNS_TEXT_MAX];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    if (scene->taken == scene->count)
        fail_msg("%s: nothing is sent, but wanted: %.*s", row, (int)line.len, line.ptr);
    put_sent(&buf, &scene->sent[scene->taken++]);
    row_assert_slice(row, buf_slice(&buf), line);
}

static void expect_no_more(const char *row, const struct scene *scene) {
    char memory[DNS_TEXT_MAX];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    if (scene->taken == scene->count)
        return;
    put_sent(&buf, &scene->sent[scene->taken]);
    fail_msg("%s: it is sent, but not wanted: %.*s", row, (int)buf.len, memory);
}

/* Millisecond by millisecond: who would be late by the word of responder_wait_ms() is. */
static void pass(struct scene *scene, struct slice text) {
    uint64_t ms = 0;
    assert_true(number_parse(text, 1000000, &ms));
    for (int64_t end_ms = scene->now_ms + (int64_t)ms; scene->now_ms < end_ms;) {
        int64_t wait_ms = responder_wait_ms(&scene->responder, scene->now_ms);
        int64_t left_ms = end_ms - scene->now_ms;
        scene->now_ms += wait_ms < 0 || wait_ms > left_ms ? left_ms : wait_ms > 0 ? wait_ms : 1;
        responder_tick(&scene->responder, scene->now_ms);
    }
}

static void play_line(const char *row, struct scene *scene, struct slice line) {
    if (line.ptr[0] != '>')
        expect_no_more(row, scene);
    if (line.ptr[0] == '>')
        expect_sent(row, scene, line);
    else if (line.ptr[0] == '<')
        hear(scene, line);
    else if (line.ptr[0] == '+')
        pass(scene, slice_after(line, 1));
    else if (slice_equal(line, SLICE("up")))
        set_address(scene, "192.0.2.1");
    else if (slice_equal(line, SLICE("move")))
        set_address(scene, "192.0.2.5");
    else if (slice_equal(line, SLICE("down")))
        set_address(scene, NULL);
    else if (slice_equal(line, SLICE("stop")))
        responder_stop(&scene->responder);
    else
        fail_msg("%s: what is '%.*s'?", row, (int)line.len, line.ptr);
}

static void play(const char *row, struct scene *scene, const char *text) {
    struct slice rest = slice_of_text(text);
    struct slice line;
    while (slice_cut(&rest, '\n', &line)) {
        if (line.len > 0)
            play_line(row, scene, line);
    }
    expect_no_more(row, scene);
}

static void open_scene(struct scene *scene) {
    *scene = (struct scene){.now_ms = NOW_MS};
    const struct responder_ways ways = {keep, choose_most};
    responder_init(&scene->responder, SLICE("p"), 80, &ways, scene);
}

/* What is sent of a name */
#define PROBE_OF(name, ip)                                         \
    "> Q ?" name ".local/ANY ?" name "._http._tcp.local/ANY"       \
    " ^" name "._http._tcp.local/SRV/120/80:" name ".local ^" name \
    "._http._tcp.local/TXT/4500/path=/"                            \
    " ^" name ".local/A/120/" ip "\n"
#define SERVICES            "_services._dns-sd._udp.local/PTR/4500/_http._tcp.local"
#define SERVICE(name)       "_http._tcp.local/PTR/4500/" name "._http._tcp.local"
#define SRV(name)           name "._http._tcp.local/SRV/120/80:" name ".local!"
#define TXT(name)           name "._http._tcp.local/TXT/4500/path=/!"
#define INSTANCE_NSEC(name) name "._http._tcp.local/NSEC/120/!"
#define HOST_NSEC(name)     name ".local/NSEC/120/!"
#define A(name, ip)         name ".local/A/120/" ip "!"
#define ANNOUNCEMENT_OF(name, ip) \
    "> R =" SERVICES              \
    " =" SERVICE(name) " =" SRV(name) " =" TXT(name) " =" A(name, ip) " +" HOST_NSEC(name) "\n"
#define PROBE        PROBE_OF("p", "192.0.2.1")
#define ANNOUNCEMENT ANNOUNCEMENT_OF("p", "192.0.2.1")
#define PROBES       "+250\n" PROBE "+250\n" PROBE "+250\n" PROBE
#define GOODBYE_OF(ip)                                                                    \
    "> R =_http._tcp.local/PTR/0/p._http._tcp.local =p._http._tcp.local/SRV/0/80:p.local" \
    " =p._http._tcp.local/TXT/0/path=/ =p.local/A/0/" ip "\n"
#define GOODBYE GOODBYE_OF("192.0.2.1")

/* At rest, long after all was announced. */
#define SETTLED \
    "up\n" PROBES "+250\n" ANNOUNCEMENT "+1000\n" ANNOUNCEMENT "+2000\n" ANNOUNCEMENT "+100000\n"

#define ALL_OF_SERVICE \
    "=" SERVICE("p") " +" SRV("p") " +" TXT("p") " +" HOST_NSEC("p") " +" A("p", "192.0.2.1")
#define ADDRESS "=" A("p", "192.0.2.1") " +" HOST_NSEC("p")

static const struct {
    const char *name;
    const char *text;
} rows
    [] =
        {
            {"8.1, 8.3: three probes, and announcements",
             "up\n" PROBES "+249\n+1\n" ANNOUNCEMENT "+999\n+1\n" ANNOUNCEMENT
             "+1999\n+1\n" ANNOUNCEMENT "+1000000\n"},
            {"no link", "+100000\n"},
            {"a link that comes and goes",
             "+10000\nup\n" PROBES "down\n+100000\nup\n" PROBES "+250\n" ANNOUNCEMENT},
            {"10.1: goodbye", SETTLED "stop\n" GOODBYE "+100000\nstop\n< Q ?p.local/A\n+1000\n"},
            {"goodbye while it is announced", "up\n" PROBES "+250\n" ANNOUNCEMENT "stop\n" GOODBYE},
            {"no goodbye of what was not announced", "up\n" PROBES "stop\n"},
            {"goodbye while it is asked again, as the link has changed",
             SETTLED "move\n+250\n" PROBE_OF("p", "192.0.2.5") "stop\n" GOODBYE},
            {"goodbye of what was announced last",
             SETTLED "move\n+250\n" PROBE_OF("p", "192.0.2.5") "+250\n" PROBE_OF("p", "192.0.2.5") "+250\n" PROBE_OF(
                 "p", "192.0.2.5") "+250\n" ANNOUNCEMENT_OF("p",
                                                            "192.0.2."
                                                            "5") "stop\n" GOODBYE_OF("192.0.2.5")},
            {"goodbye before it is asked again", SETTLED "down\n+10\nup\nstop\n" GOODBYE},
            {"no goodbye of what another wants as well, and goes first",
             SETTLED "move\n+250\n" PROBE_OF(
                 "p", "192.0.2.5") "< Q ?p.local/ANY ^p.local/A/120/192.0.2.9\nstop\n"},
            {"no goodbye without a link", SETTLED "down\nstop\n"},
            {"no goodbye of what another claims", SETTLED "< R =p.local/A/120/192.0.2.9!\nstop\n"},
            {"no goodbye of what another has taken",
             SETTLED "< R =p.local/A/120/192.0.2.9!\n< R =p.local/A/120/192.0.2.9!\nstop\n"},

            /* Answers */
            {"6: what is unique, at once", SETTLED "< Q ?p.local/A\n> R " ADDRESS "\n"},
            {"6: what may be others', too, later",
             SETTLED "< Q ?_http._tcp.local/PTR\n+19\n+101\n> R " ALL_OF_SERVICE "\n"},
            {"6: another's name", SETTLED "< Q ?q.local/A ?local/ANY ?p/A\n+1000\n"},
            {"6.1: what there is not", SETTLED
             "< Q ?p.local/AAAA\n> R =" HOST_NSEC("p") "\n+1000\n< Q ?p._http._tcp.local/A\n> R "
                                                       "=" INSTANCE_NSEC("p") "\n"},
            {"6.5: all of a name", SETTLED "< Q ?P.LOCAL/ANY\n> R " ADDRESS "\n"},
            {"RFC 6763 12.2: an SRV and where it is",
             SETTLED "< Q ?p._http._tcp.local/SRV\n> R =" SRV("p") " +" HOST_NSEC("p") " +" A(
                 "p", "192.0.2.1") "\n"},
            {"RFC 6763 9: which services there are",
             SETTLED "< Q ?_services._dns-sd._udp.local/PTR\n+120\n> R =" SERVICES "\n"},
            {"two questions, one answer",
             SETTLED "< Q ?p.local/A ?p._http._tcp.local/TXT\n> R =" TXT("p") " " ADDRESS "\n"},
            {"6: not again within a second", SETTLED
             "< Q ?p.local/A\n> R " ADDRESS "\n+400\n< Q ?p.local/A\n+599\n+1\n> R " ADDRESS "\n"},
            {"6: but who wants the name is told",
             SETTLED "< Q ?p.local/A\n> R " ADDRESS
                     "\n+250\n< Q ?p.local/ANY ^p.local/A/120/192.0.2.9\n> R " ADDRESS "\n"},
            {"two who ask at once get one answer",
             SETTLED "< Q ?_http._tcp.local/PTR\n<192.0.2.8:5353 Q ?_http._tcp.local/PTR\n+120\n"
                     "> R " ALL_OF_SERVICE "\n+1000\n"},

            /* Known answers */
            {"7.1: it is known", SETTLED "< Q ?p.local/A =p.local/A/120/192.0.2.1\n+1000\n"},
            {"7.1: known for half of its time",
             SETTLED "< Q ?p.local/A =p.local/A/60/192.0.2.1\n+1000\n"},
            {"7.1: not for long",
             SETTLED "< Q ?p.local/A =p.local/A/59/192.0.2.1\n> R " ADDRESS "\n"},
            {"7.1: another is known",
             SETTLED "< Q ?p.local/A =p.local/A/120/192.0.2.7\n> R " ADDRESS "\n"},
            {"7.1: one of two is known",
             SETTLED "< Q ?p.local/A ?p._http._tcp.local/TXT =p.local/A/120/192.0.2.1\n> R =" TXT(
                 "p") "\n"},
            {"7.2: more known answers follow",
             SETTLED "< T ?p.local/A ?p._http._tcp.local/TXT\n+400\n< Q "
                     "=p.local/A/120/192.0.2.1\n+99\n+1\n> R "
                     "=" TXT("p") "\n"},
            {"7.2: but another's are not", SETTLED
             "< T ?p.local/A\n<192.0.2.8:5353 Q =p.local/A/120/192.0.2.1\n+500\n> R " ADDRESS "\n"},
            {"7.2: nor are they where another asks the same",
             SETTLED "< T ?p.local/A\n<192.0.2.8:5353 T ?p.local/A\n"
                     "<192.0.2.8:5353 Q =p.local/A/120/192.0.2.1\n+500\n> R " ADDRESS "\n"},
            {"7.4: another has said it",
             SETTLED "< Q ?_services._dns-sd._udp.local/PTR\n< R =" SERVICES "\n+1000\n"},
            {"7.4: but not for long", SETTLED
             "< Q ?_services._dns-sd._udp.local/PTR\n< R =_services._dns-sd._udp.local/PTR/9/"
             "_http._tcp.local\n+120\n> R =" SERVICES "\n"},
            {"6.6: another has unsaid it", SETTLED
             "< R =_services._dns-sd._udp.local/PTR/0/_http._tcp.local\n+120\n> R =" SERVICES "\n"},

            /* One who asks */
            {"5.4: by unicast, where all were told lately",
             SETTLED "< Q ?p.local/A\n> R " ADDRESS
                     "\n+10000\n< Q ?p.local/A/u\n>192.0.2.9:5353 R " ADDRESS "\n"},
            {"5.4: to all, where they were not", SETTLED "< Q ?p.local/A/u\n> R " ADDRESS "\n"},
            {"5.5: who asks this host alone is answered alone",
             SETTLED "<192.0.2.9:5353>Q ?p.local/A\n>192.0.2.9:5353 R " ADDRESS "\n"},
            {"6.7: ordinary DNS", SETTLED
             "<192.0.2.9:4711 Q77 ?p._http._tcp.local/SRV\n>192.0.2.9:4711 R77 "
             "?p._http._tcp.local/SRV =p._http._tcp.local/SRV/10/80:p.local +p.local/NSEC/10/ "
             "+p.local/A/10/192.0.2.1\n"},
            {"6.7: with a bit that means nothing to it",
             SETTLED "<192.0.2.9:4711 Q77 ?p.local/A/u\n>192.0.2.9:4711 R77 ?p.local/A "
                     "=p.local/A/10/192.0.2.1 +p.local/NSEC/10/\n"},
            {"6.7: no question", SETTLED "<192.0.2.9:4711 Q77 =p.local/A/120/192.0.2.1\n+1000\n"},
            {"6.7: it is known",
             SETTLED "<192.0.2.9:4711 Q77 ?p.local/A =p.local/A/120/192.0.2.1\n+1000\n"},
            {"11: who is elsewhere", SETTLED "<198.51.100.9:5353 Q ?p.local/A\n+1000\n"
                                             "<198.51.100.9:4711 Q7 ?p.local/A\n+1000\n"},

            /* Names that are taken */
            {"8.1: before it is announced, nothing is answered",
             "up\n" PROBES "< Q ?p.local/A\n+100\n"},
            {"8.1: another has the host's name",
             "up\n+250\n" PROBE
             "< R =p.local/A/120/192.0.2.9!\n+250\n" PROBE_OF("p-2", "192.0.2.1")},
            {"8.1: another has the service's name",
             "up\n+250\n" PROBE
             "< R =p._http._tcp.local/SRV/120/81:p.local!\n+250\n" PROBE_OF("p-2", "192.0.2.1")},
            {"8.1: it has something else",
             "up\n+250\n" PROBE "< R =P.local/HINFO/120/x!\n+250\n" PROBE_OF("p-2", "192.0.2.1")},
            {"8.1: and the next is taken as well",
             "up\n+250\n" PROBE "< R =p.local/A/120/192.0.2.9!\n+250\n" PROBE_OF(
                 "p-2",
                 "192.0.2.1") "< R =p-2.local/A/120/192.0.2.9!\n+250\n" PROBE_OF("p-3",
                                                                                 "192.0.2.1")},
            {"8.1: it is taken no more",
             "up\n+250\n" PROBE "< R =p.local/A/0/192.0.2.9!\n+250\n" PROBE},
            {"8.1: it says what this host says",
             "up\n+250\n" PROBE "< R =" A("p", "192.0.2.1") "\n+250\n" PROBE},
            {"8.1: another's name is no matter",
             "up\n+250\n" PROBE "< R =q.local/A/120/192.0.2.9!\n+250\n" PROBE},
            {"6: what is not from the port is none",
             "up\n+250\n" PROBE "<192.0.2.9:4711 R =p.local/A/120/192.0.2.9!\n+250\n" PROBE},
            {"11: nor is what is from elsewhere",
             "up\n+250\n" PROBE "<198.51.100.9:5353 R =p.local/A/120/192.0.2.9!\n+250\n" PROBE},
            {"9: who has the name asks again",
             SETTLED "< R =p.local/A/120/192.0.2.9!\n" PROBES "+250\n" ANNOUNCEMENT},
            {"9: and gives it up where the other still has it", SETTLED
             "< R =p.local/A/120/192.0.2.9!\n+250\n" PROBE
             "< R =p.local/A/120/192.0.2.9!\n+250\n" PROBE_OF("p-2", "192.0.2.1") "+250\n" PROBE_OF(
                 "p-2",
                 "192.0.2.1") "+250\n" PROBE_OF("p-2",
                                                "192.0.2.1") "+250\n" ANNOUNCEMENT_OF("p-2",
                                                                                      "192.0.2.1")},

            /* Two who ask for a name */
            {"8.2: the other goes first",
             "up\n+250\n" PROBE "< Q ?p.local/ANY ^p.local/A/120/192.0.2.9\n+999\n+1\n" PROBE},
            {"8.2: this one goes first",
             "up\n+250\n" PROBE "< Q ?p.local/ANY ^p.local/A/120/192.0.1.9\n+250\n" PROBE},
            {"8.2: the other has more",
             "up\n+250\n" PROBE "< Q ?p.local/ANY ^p.local/A/120/192.0.2.1 "
             "^p.local/AAAA/120/fe80::9\n+999\n+1\n" PROBE},
            {"8.2: sorted before they are compared",
             "up\n+250\n" PROBE
             "< Q ?p.local/ANY ^p.local/A/120/192.0.2.9 ^p.local/A/120/192.0.1.1\n+250\n" PROBE},
            {"8.2: the service alone",
             "up\n+250\n" PROBE "< Q ?p._http._tcp.local/ANY ^p._http._tcp.local/TXT/4500/path=/ "
             "^p._http._tcp.local/SRV/120/81:p.local\n+999\n+1\n" PROBE},
            {"8.2: it is this host itself",
             "up\n+250\n" PROBE "< Q ?p.local/ANY ?p._http._tcp.local/ANY "
             "^p._http._tcp.local/SRV/120/80:p.local ^p._http._tcp.local/TXT/4500/path=/ "
             "^p.local/A/120/192.0.2.1\n+250\n" PROBE},
            {"8.2: for another name",
             "up\n+250\n" PROBE "< Q ?q.local/ANY ^q.local/A/120/192.0.2.9\n+250\n" PROBE},

            /* Changes */
            {"8: another address is probed for, and announced",
             SETTLED "move\n+250\n" PROBE_OF("p", "192.0.2.5") "+250\n" PROBE_OF(
                 "p",
                 "192.0.2.5") "+250\n" PROBE_OF("p",
                                                "192.0.2.5") "+250\n" ANNOUNCEMENT_OF("p",
                                                                                      "192.0.2."
                                                                                      "5")},
            {"the same address is no change", SETTLED "up\n+10000\n"},
};

static void test_rfc6762_conversations(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct scene scene;
        open_scene(&scene);
        play(rows[i].name, &scene, rows[i].text);
    }
}

/* By both protocols, and on each link with its addresses. */
static void test_all_links_and_families(void **state) {
    (void)state;
    const struct link_address v4 = {ip(SLICE("192.0.2.1")), 24, .is_served = true};
    const struct link_address v6 = {ip(SLICE("fe80::1")), 64, .is_served = false};
    const struct link_address other = {ip(SLICE("2001:db8::1")), 64, .is_served = true};
    static const struct {
        unsigned link;
        uint8_t ip_len;
        const char *address;
    } wanted[] = {
        {LINK, IP_V4_LEN, " ^p.local/A/120/192.0.2.1"},
        {LINK, IP_V6_LEN, " ^p.local/A/120/192.0.2.1"},
        {LINK + 1, IP_V6_LEN, " ^p.local/AAAA/120/2001:db8::1"},
    };
    struct links links = {.count = 0};
    struct scene scene;
    open_scene(&scene);
    links_add(&links, LINK, &v4);
    links_add(&links, LINK, &v6);
    links_add(&links, LINK + 1, &other);
    responder_set_links(&scene.responder, &links, scene.now_ms);
    pass(&scene, SLICE("250"));
    assert_int_equal(scene.count, ROWS_COUNT(wanted));
    for (size_t i = 0; i < ROWS_COUNT(wanted); i++) {
        char memory[DNS_TEXT_MAX];
        struct buf buf = BUF_INIT(memory, sizeof memory - 1);
        dns_put_message(&buf, slice_of(scene.sent[i].bytes, scene.sent[i].len));
        memory[buf.len] = '\0';
        assert_int_equal(scene.sent[i].link, wanted[i].link);
        assert_int_equal(scene.sent[i].ip_len, wanted[i].ip_len);
        row_assert(memory, strcmp(strstr(memory, " ^p.local/"), wanted[i].address) == 0);
    }
}

/* Not where nobody was told, nor where there is no link any more. */
static void test_rfc6762_10_1_goodbye_where_it_was_announced(void **state) {
    (void)state;
    const struct link_address first = {ip(SLICE("192.0.2.1")), 24, .is_served = true};
    const struct link_address second = {ip(SLICE("198.51.100.1")), 24, .is_served = true};
    struct links links = {.count = 0};
    struct scene scene;
    open_scene(&scene);
    play("settled", &scene, SETTLED);
    links_add(&links, LINK + 1, &second);
    links_add(&links, LINK, &first);
    responder_set_links(&scene.responder, &links, scene.now_ms);
    responder_stop(&scene.responder);
    assert_int_equal(scene.count, scene.taken + 1);
    assert_int_equal(scene.sent[scene.taken].link, LINK);
    play("goodbye", &scene, GOODBYE);

    open_scene(&scene);
    play("settled", &scene, SETTLED);
    links.count = 1;
    responder_set_links(&scene.responder, &links, scene.now_ms);
    responder_stop(&scene.responder);
    expect_no_more("elsewhere", &scene);
}

/* RFC 6762 §14: two links may be one network. Whatever is sent on one comes in on the other. */
static void test_rfc6762_14_it_hears_itself_on_another_link(void **state) {
    (void)state;
    const struct link_address first = {ip(SLICE("192.0.2.1")), 24, .is_served = true};
    const struct link_address second = {ip(SLICE("192.0.2.2")), 24, .is_served = true};
    struct links links = {.count = 0};
    struct scene scene;
    open_scene(&scene);
    links_add(&links, LINK, &first);
    links_add(&links, LINK + 1, &second);
    responder_set_links(&scene.responder, &links, scene.now_ms);
    for (int i = 0; i < 20; i++) {
        pass(&scene, SLICE("250"));
        for (; scene.taken < scene.count; scene.taken++) {
            const struct sent *sent = &scene.sent[scene.taken];
            const struct link_sender sender = {sent->link == LINK ? LINK + 1 : LINK,
                                               sent->link == LINK ? first.ip : second.ip,
                                               MESSAGE_PORT, .to_group = true};
            responder_receive(&scene.responder, &sender, slice_of(sent->bytes, sent->len),
                              scene.now_ms);
        }
    }
    assert_int_equal(scene.responder.phase, RESPONDER_SETTLED);
    row_assert_slice("name", slice_of(scene.responder.name, scene.responder.name_len), SLICE("p"));
    assert_int_equal(scene.count, 2 * (3 + 3)); /* probes and announcements */
}

/* Who takes every name that is tried is not kept busy. */
static void test_rfc6762_8_1_after_15_conflicts_it_waits(void **state) {
    (void)state;
    struct scene scene;
    char name[32] = "p";
    open_scene(&scene);
    set_address(&scene, "192.0.2.1");
    for (unsigned i = 1; i <= 16; i++) {
        char line[128];
        (void)snprintf(line, sizeof line, "< R =%s.local/A/120/192.0.2.9!", name);
        play_line("conflict", &scene, slice_of_text(line));
        (void)snprintf(name, sizeof name, "p-%u", i + 1);
        assert_int_equal(responder_wait_ms(&scene.responder, scene.now_ms), i < 15 ? 250 : 5000);
    }
    scene.now_ms += 10000;
    responder_tick(&scene.responder, scene.now_ms);
    scene.taken = scene.count;
    play_line("later", &scene, SLICE("< R =p-17.local/A/120/192.0.2.9!"));
    assert_int_equal(responder_wait_ms(&scene.responder, scene.now_ms), 250);
}

static const struct {
    const char *name;
    struct slice bytes;
} unread[] = {
    {"nothing", SLICE_INIT("")},
    {"cut in its head", SLICE_INIT("\0\0\0\0\0\1\0\0\0\0\0")},
    {"18.3: another opcode", SLICE_INIT("\0\0\x08\0\0\1\0\0\0\0\0\0\1p\5local\0\0\1\0\1")},
    {"18.11: a code", SLICE_INIT("\0\0\0\1\0\1\0\0\0\0\0\0\1p\5local\0\0\1\0\1")},
    {"cut in its question", SLICE_INIT("\0\0\0\0\0\1\0\0\0\0\0\0\1p\5local\0\0\1\0")},
    {"more is said to be there", SLICE_INIT("\0\0\0\0\0\1\0\0\0\0\0\1\1p\5local\0\0\1\0\1")},
};

/* A response, whose question ends in the middle of a pointer. */
static void test_a_response_that_is_cut_is_ignored(void **state) {
    (void)state;
    static const char bytes[] = "\0\0\x84\0\0\1\0\1\0\0\0\0\xc0";
    const struct link_sender sender = {LINK, ip(SLICE("192.0.2.9")), MESSAGE_PORT,
                                       .to_group = true};
    struct slice cut = slice_of(bytes, sizeof bytes - 1);
    struct scene scene;
    char *copy = guard_copy(cut);
    open_scene(&scene);
    play("settled", &scene, SETTLED);
    responder_receive(&scene.responder, &sender, slice_of(copy, cut.len), scene.now_ms);
    expect_no_more("cut", &scene);
    guard_free(copy, cut.len);
}

static void test_what_is_no_message_is_ignored(void **state) {
    (void)state;
    const struct link_sender sender = {LINK, ip(SLICE("192.0.2.9")), 4711, .to_group = true};
    struct scene scene;
    open_scene(&scene);
    play("settled", &scene, SETTLED);
    for (size_t i = 0; i < ROWS_COUNT(unread); i++) {
        responder_receive(&scene.responder, &sender, unread[i].bytes, scene.now_ms);
        expect_no_more(unread[i].name, &scene);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc6762_conversations),
        cmocka_unit_test(test_all_links_and_families),
        cmocka_unit_test(test_rfc6762_10_1_goodbye_where_it_was_announced),
        cmocka_unit_test(test_rfc6762_14_it_hears_itself_on_another_link),
        cmocka_unit_test(test_rfc6762_8_1_after_15_conflicts_it_waits),
        cmocka_unit_test(test_a_response_that_is_cut_is_ignored),
        cmocka_unit_test(test_what_is_no_message_is_ignored),
    };
    return cmocka_run_group_tests_name("responder", tests, NULL, NULL);
}
