/* The version of pronto, and its date, for the manual page. */
#pragma once

#define VERSION      "0.1"
#define VERSION_DATE "November 22, 2026"
