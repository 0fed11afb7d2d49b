// sim/report_tables.h -- the tables and lists of the page, as HTML.  Empty when there is nothing to list.
#pragma once

#include <cstdint>
#include <string>

#include "sim/digest.h"
#include "sim/recording.h"

namespace kith::sim {

std::string recovery_table(const Recording& recording, const Digest& digest);
std::string lag_table(const Digest& digest);
std::string traffic_table(const Recording& recording, const Digest& digest);
std::string happening_list(const Recording& recording);   // Folded; at most the first 400.

std::string hexadecimal(std::uint64_t number);            // "0x00c0ffee00c0ffee"

}  // namespace kith::sim
