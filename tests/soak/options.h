// tests/soak/options.h -- the command line of kith-soak.  CLI11 only in options.cc.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tests/soak/soak.h"

namespace kith::soak {

// Nothing to run: print `text`, exit with `code`.
struct NoRun {
  int code = 0;  // 0: help; 2: usage.
  std::string text;
};

// `arguments` without the program's name; `drawn` is the seed when none is given.
std::variant<SoakOptions, NoRun> parse_options(const std::vector<std::string>& arguments, std::uint64_t drawn);

}  // namespace kith::soak
