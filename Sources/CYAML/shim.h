#ifndef HOMEOSTAT_CYAML_SHIM_H
#define HOMEOSTAT_CYAML_SHIM_H

#include <yaml.h>

#endif
