// tests/fuzz/seeds.h -- what the corpora began with: made by the real encoders.
//
// The files SEED_* of tests/fuzz/corpus are these, and a test compares them.  All other files there are findings.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace kith::fuzz {

using Seeds = std::vector<std::pair<std::string, std::string>>;  // Name -> bytes.

Seeds seeds_of(const std::string& target);

}  // namespace kith::fuzz
