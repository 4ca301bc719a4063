/* A listing as a page, for people. Style and script are in it, and nothing is fetched for it. All
 * of it works without the script, but for the filter, which is hidden then. */
#pragma once

#include "store/sheet.h"

extern const struct sheet_format html_format;

/* Writes the value of the Content-Security-Policy that the page is to be sent with: nothing but its
 * own style, script and pictures. A name that got through as markup would still run nothing. With
 * `own_scripts`, scripts that this server has as files are allowed, too, and may ask it. */
void html_put_policy(struct buf *buf, bool own_scripts);
