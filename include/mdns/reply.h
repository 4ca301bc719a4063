/* The messages that are sent of a zone, as bytes. Each is written to a memory of MESSAGE_MAX bytes,
 * and what is returned is borrowed from it; empty where there is nothing to be said. */
#pragma once

#include "mdns/message.h"
#include "mdns/query.h"
#include "mdns/zone.h"

/* Those that are no denials: all that there is to be announced. A bit for each place. */
uint32_t reply_assertions(const struct zone_records *records);

/* What goes with the answers, but is not among them (RFC 6763 §12). */
uint32_t reply_companions(const struct zone_records *records, uint32_t answers);

/* Asks for all that has the zone's names, and says what that would be (RFC 6762 §8.1, §8.2). */
struct slice reply_probe(char memory[MESSAGE_MAX], const struct zone *zone,
                         const struct zone_records *records);

/* Answers for all on a link, and what goes with them. */
struct slice reply_to_all(char memory[MESSAGE_MAX], const struct zone_records *records,
                          uint32_t answers);

/* Answers, of which there are some, for who asked; with the question and its number, for who takes
 * it for ordinary DNS (RFC 6762 §6.7). */
struct slice reply_to_one(char memory[MESSAGE_MAX], const struct query *query, uint32_t answers);

/* What was announced is no more (RFC 6762 §10.1). */
struct slice reply_goodbye(char memory[MESSAGE_MAX], const struct zone_records *records);
