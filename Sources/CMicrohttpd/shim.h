#ifndef HOMEOSTAT_CMICROHTTPD_SHIM_H
#define HOMEOSTAT_CMICROHTTPD_SHIM_H

#include <microhttpd.h>

#endif
