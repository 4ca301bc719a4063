#include "serve/dashboard.h"

#include "base/embedded.h"
#include "conf/version.h"
#include "http/csp.h"
#include "http/page.h"
#include "serve/exposition.h"
#include "store/size.h"

#include <stdio.h>
#include <string.h>

EMBEDDED_DECLARE(dashboard_css);
EMBEDDED_DECLARE(dashboard_js);

struct slice dashboard_phase(enum metrics_phase phase) {
    switch (phase) {
    case METRICS_STARTING:
        return SLICE("starting");
    case METRICS_SERVING:
        return SLICE("serving");
    case METRICS_DRAINING:
        break;
    }
    return SLICE("draining");
}

/* Numbers of JSON and of the page; the locale is always that of C. */
static void put_decimal(struct buf *buf, double value, int digits) {
    char text[64];
    int len = snprintf(text, sizeof text, "%.*f", digits, value);
    buf_put(buf, slice_of(text, (size_t)len));
}

/* JSON */

static void put_key(struct buf *buf, const char *key) {
    char last = buf->len > 0 && !buf->overflow ? buf->ptr[buf->len - 1] : ' ';
    if (last != '{')
        buf_put_char(buf, ',');
    buf_put_char(buf, '"');
    buf_put(buf, slice_of_text(key));
    buf_put(buf, SLICE("\":"));
}

static void put_count(struct buf *buf, const char *key, uint64_t value) {
    put_key(buf, key);
    buf_put_number(buf, value);
}

static void put_rate(struct buf *buf, const char *key, double per_s) {
    put_key(buf, key);
    put_decimal(buf, per_s, 1);
}

static void put_time(struct buf *buf, const char *key, bool known, uint64_t ns) {
    put_key(buf, key);
    if (known)
        exposition_put_seconds(buf, ns);
    else
        buf_put(buf, SLICE("null"));
}

static void put_point(struct buf *buf, const struct trend_point *point) {
    bool known = point->requests > 0;
    buf_put_char(buf, '{');
    put_rate(buf, "requests", point->requests_per_s);
    put_rate(buf, "errors", point->errors_per_s);
    put_rate(buf, "bytes", point->bytes_per_s);
    put_count(buf, "open", point->open);
    put_key(buf, "hits");
    if (point->hit_share < 0)
        buf_put(buf, SLICE("null"));
    else
        put_decimal(buf, point->hit_share, 4);
    put_time(buf, "p50", known, point->median_ns);
    put_time(buf, "p90", known, point->p90_ns);
    put_time(buf, "p99", known, point->p99_ns);
    buf_put_char(buf, '}');
}

static size_t shown_workers(const struct dashboard *dashboard) {
    return dashboard->worker_count < DASHBOARD_WORKERS_MAX ? dashboard->worker_count
                                                           : DASHBOARD_WORKERS_MAX;
}

static void put_workers(struct buf *buf, const struct dashboard *dashboard) {
    put_key(buf, "each");
    buf_put_char(buf, '[');
    for (size_t i = 0; i < shown_workers(dashboard); i++) {
        const struct tally *tally = &dashboard->workers[i];
        buf_put(buf, i > 0 ? SLICE(",{") : SLICE("{"));
        put_count(buf, "open", tally->open);
        put_count(buf, "requests", trend_count_answers(tally));
        put_count(buf, "bytes", tally->sent_bytes);
        put_time(buf, "turn", true, tally->longest_turn);
        buf_put_char(buf, '}');
    }
    buf_put_char(buf, ']');
}

/* What has been counted since the start, each with a place in the page that its key names. */
struct total {
    const char *key;
    const char *label;
    bool is_part; /* of the one above */
    bool is_bytes;
    uint64_t value;
};

enum { ANSWERS = 6, OTHERS = 8, TOTALS = ANSWERS + OTHERS };

static void sum_up(const struct dashboard *dashboard, struct total totals[TOTALS]) {
    const struct tally *all = dashboard->all;
    const struct metrics_state *state = dashboard->state;
    const struct total sums[TOTALS] = {
        {"answered", "Requests", false, false, trend_count_answers(all)},
        {"c2", "2xx: here it is", true, false, trend_count_class(all, 2)},
        {"c3", "3xx: elsewhere, or not modified", true, false, trend_count_class(all, 3)},
        {"c4", "4xx: the client’s errors", true, false, trend_count_class(all, 4)},
        {"c5", "5xx: the server’s errors", true, false, trend_count_class(all, 5)},
        {"sent", "Bytes sent", false, true, all->sent_bytes},
        {"accepted", "Connections accepted", false, false, all->accepted},
        {"queue", "waiting for that now", true, false, all->queue_length},
        {"drops", "overflows on this host", true, false, state->listen_overflows},
        {"entries", "Files and paths in the cache", false, false, all->cache_entries},
        {"kept", "memory that they take", true, true, all->cache_bytes},
        {"invalidated", "dropped: may have changed", true, false, all->cache_invalidations},
        {"starts", "Workers started", false, false, state->worker_starts},
        {"deaths", "ended unexpectedly", true, false, state->worker_deaths},
    };
    memcpy(totals, sums, sizeof sums);
}

static void put_totals(struct buf *buf, const struct dashboard *dashboard) {
    struct total totals[TOTALS];
    sum_up(dashboard, totals);
    put_key(buf, "totals");
    buf_put_char(buf, '{');
    for (size_t i = 0; i < TOTALS; i++)
        put_count(buf, totals[i].key, totals[i].value);
    buf_put_char(buf, '}');
}

static const struct trend_point *last_point(const struct dashboard *dashboard) {
    static const struct trend_point none = {.hit_share = -1};
    size_t length = trend_length(dashboard->trend);
    return length > 0 ? trend_at(dashboard->trend, length - 1) : &none;
}

static uint64_t uptime_s(const struct dashboard *dashboard) {
    int64_t s = dashboard->now_s - (int64_t)dashboard->state->start_time;
    return s > 0 ? (uint64_t)s : 0;
}

void dashboard_put_past(struct buf *buf, const struct dashboard *dashboard) {
    buf_put(buf, SLICE("retry: 2000\nevent: past\ndata: ["));
    for (size_t i = 0; i < trend_length(dashboard->trend); i++) {
        if (i > 0)
            buf_put_char(buf, ',');
        put_point(buf, trend_at(dashboard->trend, i));
    }
    buf_put(buf, SLICE("]\n\n"));
}

void dashboard_put_now(struct buf *buf, const struct dashboard *dashboard) {
    buf_put(buf, SLICE("event: now\ndata: {"));
    put_key(buf, "phase");
    buf_put_char(buf, '"');
    buf_put(buf, dashboard_phase(dashboard->phase));
    buf_put_char(buf, '"');
    put_count(buf, "uptime", uptime_s(dashboard));
    put_count(buf, "generation", dashboard->state->generation);
    put_count(buf, "workers", dashboard->state->workers);
    put_key(buf, "point");
    put_point(buf, last_point(dashboard));
    put_totals(buf, dashboard);
    put_workers(buf, dashboard);
    buf_put(buf, SLICE("}\n\n"));
}

/* The page */

void dashboard_put_policy(struct buf *buf) {
    buf_put(buf, SLICE("default-src 'none'; "));
    csp_put_hash(buf, SLICE("style-src"), EMBEDDED_SHA256(dashboard_css));
    csp_put_hash(buf, SLICE("script-src"), EMBEDDED_SHA256(dashboard_js));
    buf_put(buf, SLICE("connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                       "frame-ancestors 'none'"));
}

static void put_time_of_people(struct buf *buf, bool known, uint64_t ns) {
    if (!known) {
        buf_put(buf, SLICE("–"));
    } else if (ns < 1000000) {
        buf_put_number(buf, (ns + 500) / 1000);
        buf_put(buf, SLICE(" µs"));
    } else {
        put_decimal(buf, (double)ns / 1e6, ns < 10000000 ? 1 : 0);
        buf_put(buf, SLICE(" ms"));
    }
}

static void start_card(struct buf *buf, const char *key, const char *title) {
    buf_put(buf, SLICE("<section id=\""));
    buf_put(buf, slice_of_text(key));
    buf_put(buf, SLICE("\"><h2>"));
    buf_put(buf, slice_of_text(title));
    buf_put(buf, SLICE("</h2><p>"));
}

/* The script draws behind the number. */
static void end_card(struct buf *buf, const char *unit) {
    buf_put(buf, SLICE("<small>"));
    buf_put(buf, slice_of_text(unit));
    buf_put(buf, SLICE("</small></p><svg aria-hidden=\"true\"></svg></section>\n"));
}

static void put_times_card(struct buf *buf, const struct trend_point *point) {
    bool known = point->requests > 0;
    start_card(buf, "times", "Time to answer");
    buf_put(buf, SLICE("<b data-at=\"p50\">"));
    put_time_of_people(buf, known, point->median_ns);
    buf_put(buf, SLICE("</b><small>median</small><br><i data-at=\"p90\">"));
    put_time_of_people(buf, known, point->p90_ns);
    buf_put(buf, SLICE("</i><small>p90</small> <i data-at=\"p99\">"));
    put_time_of_people(buf, known, point->p99_ns);
    buf_put(buf, SLICE("</i>"));
    end_card(buf, "p99");
}

static void put_cards(struct buf *buf, const struct dashboard *dashboard) {
    const struct trend_point *point = last_point(dashboard);
    buf_put(buf, SLICE("<div class=\"cards\">\n"));
    start_card(buf, "requests", "Requests");
    buf_put(buf, SLICE("<b data-at=\"requests\">"));
    put_decimal(buf, point->requests_per_s, 0);
    buf_put(buf, SLICE("</b>"));
    end_card(buf, "a second");
    put_times_card(buf, point);
    start_card(buf, "bytes", "Sent");
    buf_put(buf, SLICE("<b data-at=\"bytes\">"));
    size_put(buf, (uint64_t)point->bytes_per_s);
    buf_put(buf, SLICE("</b>"));
    end_card(buf, "a second");
    start_card(buf, "open", "Connections");
    buf_put(buf, SLICE("<b data-at=\"open\">"));
    buf_put_number(buf, dashboard->all->open);
    buf_put(buf, SLICE("</b>"));
    end_card(buf, "open");
    start_card(buf, "hits", "Cache");
    buf_put(buf, SLICE("<b data-at=\"hits\">"));
    if (point->hit_share < 0) {
        buf_put(buf, SLICE("–"));
    } else {
        put_decimal(buf, 100 * point->hit_share, 1);
        buf_put(buf, SLICE(" %"));
    }
    buf_put(buf, SLICE("</b>"));
    end_card(buf, "hits");
    start_card(buf, "errors", "Errors");
    buf_put(buf, SLICE("<b data-at=\"errors\">"));
    put_decimal(buf, point->errors_per_s, 0);
    buf_put(buf, SLICE("</b>"));
    end_card(buf, "5xx a second");
    buf_put(buf, SLICE("</div>\n"));
}

static void put_total(struct buf *buf, const struct total *total) {
    buf_put(buf, total->is_part ? SLICE("<tr class=\"part\">") : SLICE("<tr>"));
    buf_put(buf, SLICE("<th scope=\"row\">"));
    buf_put(buf, slice_of_text(total->label));
    buf_put(buf, total->is_bytes ? SLICE("<td data-bytes=\"") : SLICE("<td data-total=\""));
    buf_put(buf, slice_of_text(total->key));
    buf_put(buf, SLICE("\">"));
    if (total->is_bytes)
        size_put(buf, total->value);
    else
        buf_put_number(buf, total->value);
    buf_put_char(buf, '\n');
}

static void put_total_rows(struct buf *buf, const char *caption, const struct total *totals,
                           size_t count) {
    buf_put(buf, SLICE("<table class=\"totals\"><caption>"));
    buf_put(buf, slice_of_text(caption));
    buf_put(buf, SLICE("</caption><tbody>\n"));
    for (size_t i = 0; i < count; i++)
        put_total(buf, &totals[i]);
    buf_put(buf, SLICE("</tbody></table>\n"));
}

static void put_worker_rows(struct buf *buf, const struct dashboard *dashboard) {
    buf_put(buf, SLICE("<table id=\"each\"><caption>Workers</caption><thead><tr><th scope=\"col\">"
                       "#<th scope=\"col\">Open<th scope=\"col\">Requests<th scope=\"col\">Sent"
                       "<th scope=\"col\">Longest turn</thead><tbody>\n"));
    for (size_t i = 0; i < shown_workers(dashboard); i++) {
        const struct tally *tally = &dashboard->workers[i];
        buf_put(buf, SLICE("<tr><th scope=\"row\">"));
        buf_put_number(buf, i);
        buf_put(buf, SLICE("<td>"));
        buf_put_number(buf, tally->open);
        buf_put(buf, SLICE("<td>"));
        buf_put_number(buf, trend_count_answers(tally));
        buf_put(buf, SLICE("<td>"));
        size_put(buf, tally->sent_bytes);
        buf_put(buf, SLICE("<td>"));
        put_time_of_people(buf, tally->longest_turn > 0, tally->longest_turn);
        buf_put_char(buf, '\n');
    }
    buf_put(buf, SLICE("</tbody></table>\n"));
}

static void put_tables(struct buf *buf, const struct dashboard *dashboard) {
    struct total totals[TOTALS];
    sum_up(dashboard, totals);
    buf_put(buf, SLICE("<div class=\"tables\"><div>\n"));
    put_total_rows(buf, "Since the start", totals, ANSWERS);
    put_worker_rows(buf, dashboard);
    buf_put(buf, SLICE("</div><div>\n"));
    put_total_rows(buf, "Connections, cache, workers", totals + ANSWERS, OTHERS);
    buf_put(buf, SLICE("</div></div>\n"));
}

static void put_head(struct buf *buf) {
    page_put_start(buf, SLICE("M1 19V9h4v10zm7 0V1h4v18zm7 0v-7h4v7z"));
    buf_put(buf, SLICE("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\n"
                       "<title>pronto – status</title>\n<style>"));
    buf_put(buf, EMBEDDED(dashboard_css));
    buf_put(buf, SLICE("</style>\n"));
}

static void put_header(struct buf *buf, const struct dashboard *dashboard) {
    buf_put(buf, SLICE("<header><div class=\"wrap\"><h1>pronto <small>" VERSION
                       "</small></h1><p id=\"phase\" role=\"status\" data-phase=\""));
    buf_put(buf, dashboard_phase(dashboard->phase));
    buf_put(buf, SLICE("\">"));
    buf_put(buf, dashboard_phase(dashboard->phase));
    buf_put(buf, SLICE("</p><p>up <span id=\"uptime\">"));
    buf_put_number(buf, uptime_s(dashboard));
    buf_put(buf, SLICE(" s</span></p><p><span id=\"workers\">"));
    buf_put_number(buf, dashboard->state->workers);
    buf_put(buf, SLICE("</span> workers, generation <span id=\"generation\">"));
    buf_put_number(buf, dashboard->state->generation);
    buf_put(buf, SLICE("</span></p></div></header>\n"));
}

void dashboard_put_page(struct buf *buf, const struct dashboard *dashboard) {
    put_head(buf);
    put_header(buf, dashboard);
    buf_put(buf, SLICE("<main class=\"wrap\">\n"));
    put_cards(buf, dashboard);
    put_tables(buf, dashboard);
    buf_put(buf, SLICE("<footer><span id=\"note\">The last two minutes, a point a second"
                       "</span><span>For programs: <a href=\"metrics\">/metrics</a> "
                       "<a href=\"healthz\">/healthz</a></span></footer>\n</main>\n<script>"));
    buf_put(buf, EMBEDDED(dashboard_js));
    buf_put(buf, SLICE("</script>\n</html>\n"));
}
