/* Names that a file may have, and that break what takes them for text, for HTML, for a path, for a
 * URI, for a line or for a number. None of them starts with a dot; those that do are apart. */
#pragma once

#define NASTY_TEN(text) text text text text text text text text text text
#define NASTY_FIFTY(text) \
    NASTY_TEN(text) NASTY_TEN(text) NASTY_TEN(text) NASTY_TEN(text) NASTY_TEN(text)

__attribute__((unused)) static const char *const nasty_names[] = {
    /* HTML */
    "<script>alert(1)<",
    "<img src=x onerror=alert(1)>",
    "a\"b",
    "a'b",
    "a&b",
    "a&amp;b",
    "a&lt;b",
    "a&copy;b",
    "a&#60;b",
    "a&notit;b",
    "\"><b>",
    "' onmouseover='alert(1)",
    "<!--",
    "-->",
    "]]>",
    "<bdi>",
    "<style>",
    "`",
    "{{7*7}}",
    "${7*7}",
    "#anchor",
    /* URIs */
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text,a",
    "http:",
    "mailto:a@b",
    "c:",
    ":",
    "@",
    "a?b",
    "?",
    "?sort=size&order=desc",
    "#",
    "a#b",
    "%",
    "%%",
    "%41",
    "%00",
    "%2e%2e",
    "%2f",
    "%2F..%2F",
    "%zz",
    "a%",
    "a+b",
    "a;b",
    "a=b",
    "a,b",
    "a|b",
    "a^b",
    "[::1]",
    "~",
    "~root",
    /* Paths */
    "\\",
    "\\\\host\\share",
    "a..",
    "a.",
    "-",
    "-rf",
    "--help",
    "*",
    "con",
    "a:b",
    "index.html.",
    "$HOME",
    "`id`",
    "$(id)",
    "a;id",
    /* White space */
    " ",
    "  ",
    " leading",
    "trailing ",
    "two  spaces",
    "\t",
    "a\tb",
    "\n",
    "a\nb",
    "a\n",
    "\r",
    "a\r\nContent-Length: 0\r\n\r\nb",
    "\v\f",
    "\xc2\xa0",     /* a space that does not break */
    "\xe2\x80\xa8", /* the separator of lines */
    "\xe2\x80\xa9",
    "\xe3\x80\x80",
    "\xef\xbb\xbf"
    "bom",
    /* Control characters */
    "\x01",
    "a\x07"
    "b",
    "a\x08"
    "b",
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x7f",
    "\xc2\x85", /* NEL, of C1 */
    "\xc2\x9b"
    "31m",
    /* Directions */
    "\xe2\x80\xae"
    "gpj.exe",
    "a\xe2\x80\xad"
    "b",
    "\xe2\x81\xa6"
    "isolated",
    "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d.txt",
    "\xe2\x80\x8b", /* a space without width */
    /* UTF-8 */
    "\xc3\xa9",  /* e with an acute accent, in one character */
    "e\xcc\x81", /* and in two */
    "\xe6\x97\xa5\xe6\x9c\xac",
    "\xf0\x9f\x93\x9e",
    "\xef\xbf\xbd", /* U+FFFD itself */
    "\xef\xbf\xbf",
    "\xf4\x8f\xbf\xbf",
    /* No UTF-8 */
    "\xff",
    "\xfe\xff",
    "\x80",
    "a\x80"
    "b",
    "\xc3",
    "\xc3(",
    "caf\xe9",
    "\xc0\xaf", /* '/', overlong */
    "\xe0\x80\xaf",
    "\xc0\x80", /* NUL, overlong */
    "\xed\xa0\x80",
    "\xf5\x80\x80\x80",
    "\xf4\x90\x80\x80",
    "\xe2\x82",
    "\xf0\x9f\x93",
    "\xf8\x88\x80\x80\x80",
    /* JSON and CSV */
    "\\u0041",
    "\\n",
    "\",\"type\":\"directory",
    "a\\",
    "null",
    "=1+1",
    /* Numbers */
    "0",
    "00",
    "1e9",
    "18446744073709551616",
    /* 255 bytes, which is the most; as bytes that become longest */
    NASTY_FIFTY("a") NASTY_FIFTY("a") NASTY_FIFTY("a") NASTY_FIFTY("a") NASTY_FIFTY("a") "aaaaa",
    NASTY_FIFTY("\"") NASTY_FIFTY("\"") NASTY_FIFTY("\"") NASTY_FIFTY("\"")
        NASTY_FIFTY("\"") "\"\"\"\"\"",
    NASTY_FIFTY("\xff") NASTY_FIFTY("\xff") NASTY_FIFTY("\xff") NASTY_FIFTY("\xff")
        NASTY_FIFTY("\xff") "\xff\xff\xff\xff\xff",
    NASTY_FIFTY("\x01") NASTY_FIFTY("\x01") NASTY_FIFTY("\x01") NASTY_FIFTY("\x01")
        NASTY_FIFTY("\x01") "\x01\x01\x01\x01\x01",
    NASTY_FIFTY("9") NASTY_FIFTY("9") NASTY_FIFTY("9") NASTY_FIFTY("9") NASTY_FIFTY("9") "99999",
};

/* Served only with --hidden. */
__attribute__((unused)) static const char *const nasty_hidden_names[] = {
    "...",   "....",      ".. ", ". ",   "..a",       ".a",   ".\n",          "..;",
    "..%2f", "..\\..\\a", ".\\", "..\\", ".htaccess", ".git", ".well-known.", ".\xff",
};

enum {
    NASTY_COUNT = sizeof nasty_names / sizeof nasty_names[0],
    NASTY_HIDDEN_COUNT = sizeof nasty_hidden_names / sizeof nasty_hidden_names[0],
};
