// store/verify.h -- checks everything that a store can know to be wrong with itself.
//
// Every row's checksum; feed against rows, both ways; counts and fingerprints against sums made anew; every seal.
// Returns one sentence per finding, for people; at most kFindingsMax, then how many more.  Nothing means sound.
// Cost: reads everything; memory for one count per live key.
#pragma once

#include <string>
#include <vector>

#include "store/transaction.h"

namespace kith {

inline constexpr std::size_t kFindingsMax = 100;

std::vector<std::string> verify(const ReadTransaction& transaction);

}  // namespace kith
