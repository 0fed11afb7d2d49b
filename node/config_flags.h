// node/config_flags.h -- the command line of kithd, taken apart but not understood.  CLI11 is in config_flags.cc only.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "node/config.h"

namespace kith {

struct FlagSpec {
  std::string name;  // "gossip-interval"
  enum class Takes { kNothing, kValue, kValues } takes = Takes::kValue;
};

// Name -> values in the order given; "true" for a flag that takes none.  Of a single value given twice the last counts.
using Flags = std::map<std::string, std::vector<std::string>>;

// "help" and "version" are known beside `specs`.  A usage error is a ConfigExit with code 2.
std::variant<Flags, ConfigExit> parse_flags(const std::vector<FlagSpec>& specs, const std::vector<std::string>& arguments);

}  // namespace kith
