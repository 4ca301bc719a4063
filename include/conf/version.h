/* The version of pronto. */
#pragma once

#define VERSION "0.1"
