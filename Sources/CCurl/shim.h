#ifndef HOMEOSTAT_CCURL_SHIM_H
#define HOMEOSTAT_CCURL_SHIM_H

#include <curl/curl.h>

#endif
