#include "serve/folder.h"

#include "base/ascii.h"
#include "http/head.h"
#include "store/html.h"
#include "store/listing.h"

static enum folder_outcome outcome_of_listing(enum docroot_outcome outcome) {
    switch (outcome) {
    case DOCROOT_DIRECTORY:
        return FOLDER_READY;
    case DOCROOT_FORBIDDEN:
        return FOLDER_FORBIDDEN;
    case DOCROOT_EXHAUSTED:
        return FOLDER_EXHAUSTED;
    case DOCROOT_FAULT:
        return FOLDER_FAULT;
    case DOCROOT_FILE: /* it has become one */
    case DOCROOT_NEEDS_SLASH:
    case DOCROOT_ABSENT:
        break;
    }
    return FOLDER_ABSENT;
}

static enum folder_outcome outcome_of_survey(enum survey_outcome outcome) {
    switch (outcome) {
    case SURVEY_DONE:
        return FOLDER_READY;
    case SURVEY_ABSENT:
        return FOLDER_ABSENT;
    case SURVEY_FORBIDDEN:
        return FOLDER_FORBIDDEN;
    case SURVEY_TOO_MANY:
    case SURVEY_TOO_DEEP:
    case SURVEY_TOO_LARGE:
        return FOLDER_TOO_LARGE;
    case SURVEY_CHANGED:
    case SURVEY_EXHAUSTED:
        return FOLDER_EXHAUSTED;
    case SURVEY_MORE:
    case SURVEY_FAULT:
        break;
    }
    return FOLDER_FAULT;
}

static bool deliver(struct stream *stream, size_t *live, struct delivery **delivery) {
    *delivery = delivery_new(stream, live);
    return *delivery != NULL;
}

static enum folder_outcome open_listing(const struct roots *roots, const struct request *request,
                                        const struct target *target, size_t *live,
                                        struct folder *folder, struct delivery **delivery) {
    struct stream *stream = NULL;
    struct slice path;
    const struct docroot *docroot = roots_choose(roots, target->path, &path);
    folder->negotiated = folder->view.format == VIEW_FORMATS;
    folder->view.format = view_choose_format(&folder->view, request);
    folder->representation = (struct representation){
        .content_type = view_content_type(folder->view.format),
        .length = REPRESENTATION_LENGTH_UNKNOWN,
        .sequential = true,
    };
    enum folder_outcome outcome =
        outcome_of_listing(listing_open(docroot, path, &folder->view, &stream));
    if (outcome == FOLDER_READY && !deliver(stream, live, delivery))
        return FOLDER_EXHAUSTED;
    return outcome;
}

/* The directory's own name; the root's is nobody's business. */
static struct slice name_of(const struct target *target) {
    return target->path.len > 0 ? docroot_name_of(target->path) : SLICE("files");
}

static enum folder_outcome begin_archive(const struct roots *roots, const struct target *target,
                                         size_t *live, struct delivery **delivery) {
    struct archive *archive;
    struct slice path;
    const struct docroot *docroot = roots_choose(roots, target->path, &path);
    if (archive_open(docroot, path, name_of(target), &archive) < 0 ||
        !deliver(archive_stream(archive), live, delivery))
        return FOLDER_EXHAUSTED;
    (*delivery)->preparing = true;
    return FOLDER_LATER;
}

static enum folder_outcome finish_archive(const struct target *target, struct folder *folder,
                                          struct delivery *delivery) {
    const struct archive *archive = archive_of(delivery->stream);
    enum folder_outcome outcome = outcome_of_survey(archive_problem(archive));
    if (outcome != FOLDER_READY)
        return outcome;
    folder->name = name_of(target);
    folder->etag = (struct buf)BUF_INIT(folder->etag_memory, sizeof folder->etag_memory);
    archive_etag(archive, &folder->etag);
    folder->representation = (struct representation){
        .content_type = SLICE("application/x-tar"),
        .etag = buf_slice(&folder->etag),
        .last_modified_s = REPRESENTATION_UNDATED, /* a file may be replaced by an older one */
        .length = archive_length(archive),
        .sequential = true,
    };
    return FOLDER_READY;
}

enum folder_outcome folder_open(const struct roots *roots, const struct request *request,
                                const struct target *target, size_t *live, struct folder *folder,
                                struct delivery **delivery) {
    *folder = (struct folder){.view = view_parse(target->query)};
    if (*delivery != NULL)
        return finish_archive(target, folder, *delivery);
    if (*live >= FOLDER_STREAMS_MAX)
        return FOLDER_EXHAUSTED;
    if (folder->view.as_tar)
        return begin_archive(roots, target, live, delivery);
    return open_listing(roots, request, target, live, folder, delivery);
}

void folder_follow(struct folder *folder, const struct head_policy *policy,
                   const struct head_policy *of_files) {
    folder->policy = *policy;
    if (policy->cache_control.ptr == of_files->cache_control.ptr)
        folder->policy.cache_control = SLICE("no-cache");
    folder->representation.policy = &folder->policy;
}

void folder_append(struct folder *folder, struct delivery *delivery, struct slice appendix) {
    folder->appended = !folder->view.as_tar && folder->view.format == VIEW_HTML;
    if (folder->appended)
        delivery->appendix = appendix;
}

/* What stands for itself in either form of a file's name. */
static bool is_name_char(char c) {
    return ascii_is_digit(c) || ascii_is_alpha(c) || c == '-' || c == '.' || c == '_';
}

/* RFC 6266 §4.3, appendix D: in the extended form, which takes any name (RFC 8187 §3.2.1), and
 * before it as near as ASCII comes to it, for those who don't know that form. */
static void put_disposition(struct buf *buf, struct slice name) {
    buf_put(buf, SLICE("Content-Disposition: attachment; filename=\""));
    for (size_t i = 0; i < name.len; i++)
        buf_put_char(buf, is_name_char(name.ptr[i]) ? name.ptr[i] : '_');
    buf_put(buf, SLICE(".tar\"; filename*=UTF-8''"));
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (is_name_char((char)c)) {
            buf_put_char(buf, (char)c);
        } else {
            buf_put_char(buf, '%');
            buf_put_hex_byte(buf, c);
        }
    }
    buf_put(buf, SLICE(".tar\r\n"));
}

void folder_write_vary(struct buf *buf, const struct folder *folder) {
    if (folder->negotiated)
        head_field(buf, SLICE("Vary"), SLICE("Accept"));
}

void folder_write_fields(struct buf *buf, const struct folder *folder) {
    if (folder->view.as_tar) {
        put_disposition(buf, folder->name);
    } else if (folder->view.format == VIEW_HTML) {
        buf_put(buf, SLICE("Content-Security-Policy: "));
        html_put_policy(buf, folder->appended);
        buf_put(buf, SLICE("\r\n"));
    }
}
